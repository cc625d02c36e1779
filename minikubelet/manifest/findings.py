"""What is wrong with a manifest, and where.

Role: the one type in which reading, strict decoding and validation report. A finding says where
(file, line, column, field path), what is wrong, and how to put it right; `upstream` keeps the text
that Kubernetes itself would print.
Invariants: pure values; lines and columns count from 1, and 0 means unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from enum import StrEnum

from minikubelet.manifest.fieldpath import FieldError, FieldPath
from minikubelet.value_class import dataclass


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file, counted from 1, columns in characters; line 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Positions:
    """Where each key and list item of one document stands.

    `places` is keyed by bare names and indexes, `("spec", "containers", "0", "name")`, so that a
    label is found whether its path says `.app` or `[app]`.
    """

    file: str
    places: Mapping[tuple[str, ...], tuple[int, int]] = field(default_factory=dict)
    written: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    """The texts of scalars that JSON writes differently, such as `yes` for true."""
    prefix: tuple[str, ...] = ()
    """Where in its document an item of a `kind: List` stands."""

    def at(self, path: FieldPath) -> Position:
        """The place of `path`, or of its nearest ancestor that is written in the file."""
        names = self._names(path)
        for length in range(len(names), -1, -1):
            if (place := self.places.get(names[:length])) is not None:
                return Position(self.file, *place)
        return Position(self.file)

    def written_as(self, path: FieldPath) -> str | None:
        """The text of the scalar at `path`; None when it is as JSON would write it."""
        return self.written.get(self._names(path))

    def below(self, path: FieldPath) -> Positions:
        """The positions of a part of the document, for paths that begin there."""
        return replace(self, prefix=self._names(path))

    def _names(self, path: FieldPath) -> tuple[str, ...]:
        return (*self.prefix, *(_bare(part) for part in path.parts))


def _bare(part: str) -> str:
    return part[1:-1] if part.startswith("[") else part.removeprefix(".")


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem: `str()` is the line for people, `upstream` what Kubernetes would say.

    `upstream` is empty where Kubernetes has no text for it.
    """

    file: str
    line: int
    column: int
    path: FieldPath
    message: str
    fix: str = ""
    severity: Severity = Severity.ERROR
    upstream: str = ""

    @classmethod
    def at(
        cls,
        position: Position,
        path: FieldPath,
        message: str,
        *,
        fix: str = "",
        severity: Severity = Severity.ERROR,
        upstream: str = "",
    ) -> Finding:
        return cls(
            position.file, position.line, position.column, path, message, fix, severity, upstream
        )

    @classmethod
    def of(
        cls,
        error: FieldError,
        position: Position,
        *,
        fix: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Finding:
        """A finding of validation; its upstream text is the error's own line (L-35)."""
        upstream = str(error)
        message = upstream.removeprefix(f"{error.path}: ")
        return cls.at(position, error.path, message, fix=fix, severity=severity, upstream=upstream)

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f":{self.line}"
            if not self.path.parts:  # no field to point with: the column has to do it
                place += f":{self.column}"
        severity = "warning: " if self.severity is Severity.WARNING else ""
        path = f"{self.path}: " if self.path.parts else ""
        fix = f"; {self.fix}" if self.fix else ""
        return f"{place}: {severity}{path}{self.message}{fix}"


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether one of them is more than a warning."""
    return any(finding.severity is Severity.ERROR for finding in findings)
