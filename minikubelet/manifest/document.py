"""One document of a manifest, and how it is put together from the parts that a reader finds.

Role: build JSON values without recursion, and note where each key and list item stands.
Invariants: nothing is nested deeper than MAX_DEPTH, so that whoever reads a document may recurse;
a repeated key is a finding, and its last value stands (L-8).
"""

from __future__ import annotations

from dataclasses import field
from typing import NoReturn, TypeAlias

from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Finding, Position, Positions, Severity
from minikubelet.value_class import dataclass

MAX_DEPTH = 100

Place: TypeAlias = tuple[int, int]
"""Line and column, counted from 1."""


@dataclass(frozen=True, slots=True)
class Document:
    """What was written between two `---`: a JSON value and its places."""

    content: object
    positions: Positions


class DocumentError(Exception):
    """The document cannot be read any further; carries the finding that says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is still open."""

    container: dict[str, object] | list[object]
    names: tuple[str, ...]
    key: str | None = None
    written: dict[str, int] = field(default_factory=dict)
    """The line of each key, to tell a repeated one."""
    merging: Place | None = None
    """Where `<<` stands whose value comes next."""
    nodes: int = 1
    height: int = 1


class DocumentBuilder:
    """Takes keys and values in the order of the text; `finish()` gives the document."""

    def __init__(self, file: str, repeated: Severity = Severity.ERROR) -> None:
        self._file = file
        self._repeated = repeated
        self._places: dict[tuple[str, ...], Place] = {}
        self._written: dict[tuple[str, ...], str] = {}
        self._frames: list[_Frame] = []
        self._content: object = None
        self.findings: list[Finding] = []

    @property
    def wants_key(self) -> bool:
        """Whether the next part is the key of a mapping (or its end)."""
        frame = self._frames[-1] if self._frames else None
        return frame is not None and isinstance(frame.container, dict) and frame.key is None

    @property
    def depth(self) -> int:
        return len(self._frames)

    def key(self, name: str, place: Place) -> None:
        frame = self._frames[-1]
        frame.key = name
        self._places[(*frame.names, name)] = place
        if (line := frame.written.get(name)) is not None:
            path = self.path()
            self.report(
                place,
                f"repeated; it stands in line {line} already",
                fix="keep one of the two",
                severity=self._repeated,
                upstream=f'duplicate field "{path}"',
            )
        frame.written[name] = place[0]

    def merge_key(self, place: Place) -> None:
        """The key `<<`: the entries of its value become entries of this mapping."""
        frame = self._frames[-1]
        frame.key = "<<"
        frame.merging = place

    def open(self, container: dict[str, object] | list[object], place: Place) -> None:
        """Begin a mapping or a list; raises DocumentError when nested too deeply."""
        if len(self._frames) >= MAX_DEPTH:
            self.fail(place, f"nested deeper than {MAX_DEPTH} levels")
        self._frames.append(_Frame(container, self._names(place)))

    def close(self) -> tuple[object, int, int]:
        """End the innermost container: its value, its nodes in all, and its height in levels."""
        frame = self._frames.pop()
        self._attach(frame.container, frame.nodes, frame.height)
        return frame.container, frame.nodes, frame.height

    def scalar(self, value: object, place: Place, written: str = "") -> None:
        """Add a scalar; `written` is its text where JSON writes it differently."""
        names = self._names(place)
        if written:
            self._written[names] = written
        self._attach(value, 1, 0)

    def copied(self, value: object, place: Place, nodes: int, height: int) -> None:
        """Add a finished value of `nodes` values in `height` levels; raises DocumentError."""
        if len(self._frames) + height > MAX_DEPTH:
            self.fail(place, f"nested deeper than {MAX_DEPTH} levels")
        self._names(place)
        self._attach(value, nodes, height)

    def path(self) -> FieldPath:
        """Where the next value goes."""
        path = FieldPath()
        for frame in self._frames:
            if isinstance(frame.container, list):
                path = path.index(len(frame.container))
            elif frame.key is not None:
                path = path.child(frame.key)
        return path

    def report(
        self,
        place: Place,
        message: str,
        *,
        fix: str = "",
        severity: Severity = Severity.ERROR,
        upstream: str = "",
    ) -> None:
        self.findings.append(
            Finding.at(
                Position(self._file, *place),
                self.path(),
                message,
                fix=fix,
                severity=severity,
                upstream=upstream,
            )
        )

    def fail(self, place: Place, message: str, *, fix: str = "") -> NoReturn:
        """Raise DocumentError: what follows makes no sense any more."""
        position = Position(self._file, *place)
        raise DocumentError(Finding.at(position, FieldPath(), message, fix=fix))

    def finish(self) -> Document:
        return Document(self._content, Positions(self._file, self._places, self._written))

    def _names(self, place: Place) -> tuple[str, ...]:
        """The bare path of the next value; notes its place unless its key did."""
        if not self._frames:
            self._places[()] = place
            return ()
        frame = self._frames[-1]
        if isinstance(frame.container, dict):
            return (*frame.names, frame.key or "")
        names = (*frame.names, str(len(frame.container)))
        self._places[names] = place
        return names

    def _attach(self, value: object, nodes: int, height: int) -> None:
        if not self._frames:
            self._content = value
            return
        frame = self._frames[-1]
        frame.nodes += nodes
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.container, list):
            frame.container.append(value)
        elif frame.merging is not None:
            self._merge(frame.container, value, frame.merging)
            frame.key = frame.merging = None
        else:
            frame.container[frame.key or ""] = value
            frame.key = None

    def _merge(self, container: dict[str, object], value: object, place: Place) -> None:
        """As upstream merges: over what was written before, a list's first item last."""
        sources = value if isinstance(value, list) else [value]
        for source in reversed(sources):
            if not isinstance(source, dict):
                self.fail(place, "map merge requires map or sequence of maps as the value")
            container.update(source)
