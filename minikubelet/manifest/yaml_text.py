"""Manifest text → documents with places, as Kubernetes reads YAML and JSON.

Role: compose values from the parser's events; scalars by `yaml_scalars`, broken text explained by
`yaml_errors`, a document that begins with `{` by `json_text`.
Invariants: pure; any text gives documents and findings, never an exception; work and memory are
bounded by the size of the text: nesting by MAX_DEPTH, copies made by aliases by _MAX_COPIED_NODES.
Upstream: kubectl splits at `---`, and reads each part with sigs.k8s.io/yaml (L-7, L-8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from minikubelet.manifest.document import Document, DocumentBuilder, DocumentError, Place
from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Finding, Position, Severity
from minikubelet.manifest.json_text import looks_like_json, read_json
from minikubelet.manifest.yaml_errors import Explanation, explain, find_unprintable
from minikubelet.manifest.yaml_scalars import Scalar, ScalarError, key_text, resolve_scalar
from minikubelet.value_class import dataclass

MAX_TEXT_BYTES = 10 * 1024 * 1024

_MAX_COPIED_NODES = 100_000
_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_PROLOGUE = re.compile(r"(?:[ \t]*(?:[%#].*)?\n)*+")
_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # without libyaml: slower, the same events
_MERGE_TAG = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class ParsedText:
    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]


def parse_text(text: str, file: str, *, repeated: Severity = Severity.ERROR) -> ParsedText:
    """Read every document of a text; empty ones are left out, broken ones leave their findings.

    `repeated` is how much a repeated key matters.
    """
    if len(text) > MAX_TEXT_BYTES or len(text.encode(errors="replace")) > MAX_TEXT_BYTES:
        finding = Finding.at(Position(file), FieldPath(), "larger than 10 MiB")
        return ParsedText((), (finding,))
    documents: list[Document] = []
    findings: list[Finding] = []
    for part, first_line in _split(text.removeprefix("\ufeff")):
        content = part.removeprefix("---")
        if not content.strip(" \t\r\n"):
            continue
        if looks_like_json(content) and not content.startswith(" "):
            dashes = " " * (len(part) - len(content))  # in their place, for the sake of columns
            some_documents, some_findings = read_json(dashes + content, file, first_line, repeated)
        else:
            some_documents, some_findings = _read_yaml(part, file, first_line, repeated)
        documents += (document for document in some_documents if document.content is not None)
        findings += some_findings
    return ParsedText(tuple(documents), tuple(findings))


def _split(text: str) -> Iterator[tuple[str, int]]:
    """The documents with their first lines, one by one, so that a broken one spares the others."""
    begin, line = 0, 1
    for match in _SEPARATOR.finditer(text):
        if _PROLOGUE.fullmatch(text, begin, match.start()):
            continue  # directives and comments belong to the document that follows
        yield text[begin : match.start()], line
        line += text.count("\n", begin, match.start())
        begin = match.start()
    yield text[begin:], line


def _read_yaml(
    text: str, file: str, first_line: int, repeated: Severity
) -> tuple[tuple[Document, ...], tuple[Finding, ...]]:
    lines = text.split("\n")
    if unprintable := find_unprintable(lines):
        return (), (_syntax_finding(unprintable, file, first_line),)
    composer = _Composer(_Parser(text), file, first_line, repeated)
    documents: list[Document] = []
    findings: list[Finding] = []
    try:
        for builder in composer.documents():
            documents.append(builder.finish())
            findings += builder.findings
    except yaml.MarkedYAMLError as err:
        findings.append(_syntax_finding(explain(err, lines), file, first_line))
    except DocumentError as err:
        findings.append(err.finding)
    return tuple(documents), tuple(findings)


def _syntax_finding(explanation: Explanation, file: str, first_line: int) -> Finding:
    position = Position(file, first_line + explanation.line - 1, explanation.column)
    return Finding.at(position, FieldPath(), explanation.message, fix=explanation.fix)


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias stands for, with its size."""

    value: object
    nodes: int
    height: int


class _Composer:
    """Feeds the events of one parser to a builder per document."""

    def __init__(
        self, parser: yaml.SafeLoader, file: str, first_line: int, repeated: Severity
    ) -> None:
        self._parser = parser
        self._file = file
        self._first_line = first_line
        self._repeated = repeated
        self._anchors: dict[str, _Anchored] = {}
        self._open_anchors: list[str | None] = []
        self._copied_nodes = 0

    def documents(self) -> Iterator[DocumentBuilder]:
        builder = DocumentBuilder(self._file, self._repeated)
        while self._parser.check_event():
            match self._parser.get_event():  # type: ignore[no-untyped-call]
                case yaml.DocumentStartEvent():
                    builder = DocumentBuilder(self._file, self._repeated)
                    self._anchors.clear()
                    self._copied_nodes = 0
                case yaml.DocumentEndEvent():
                    yield builder
                case yaml.ScalarEvent() as event:
                    self._add_scalar(builder, event)
                case yaml.AliasEvent() as event:
                    self._add_alias(builder, event)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent() as event:
                    self._open(builder, event)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    anchored = _Anchored(*builder.close())
                    if anchor := self._open_anchors.pop():
                        self._anchors[anchor] = anchored

    def _add_scalar(self, builder: DocumentBuilder, event: yaml.ScalarEvent) -> None:
        place = self._place(event)
        plain = event.implicit[0]
        if builder.wants_key and event.value == "<<" and (plain or event.tag == _MERGE_TAG):
            builder.merge_key(place)
            return
        try:
            value = resolve_scalar(event.value, event.tag, plain=plain)
        except ScalarError as err:
            builder.report(place, str(err), fix=f'quote it: "{event.value}"')
            value = event.value
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, 1, 0)
        if not builder.wants_key:
            as_json = isinstance(value, str) or value is None or key_text(value) == event.value
            builder.scalar(value, place, "" if as_json else event.value)
            return
        self._add_key(builder, value, event.value, place)

    def _add_key(self, builder: DocumentBuilder, value: Scalar, written: str, place: Place) -> None:
        try:
            name = key_text(value)
        except ScalarError as err:
            builder.fail(place, str(err), fix=f'quote it: "{written}"')
        builder.key(name, place)
        if not isinstance(value, str) and name != written:
            builder.report(
                place,
                f"the key {written} is read as {name}",
                fix=f'if that is not meant, quote it: "{written}"',
                severity=Severity.WARNING,
            )

    def _add_alias(self, builder: DocumentBuilder, event: yaml.AliasEvent) -> None:
        place = self._place(event)
        name = event.anchor or ""
        if name in self._open_anchors:
            builder.fail(place, f"anchor '{name}' value contains itself")
        anchored = self._anchors.get(name)
        if anchored is None:
            fix = f"quote a text that begins with *, or define &{name} above"
            builder.fail(place, f"unknown anchor '{name}' referenced", fix=fix)
        if builder.wants_key:
            if not isinstance(anchored.value, str | int | float | None):
                builder.fail(place, f"*{name} is a mapping or a list, which cannot be a key")
            self._add_key(builder, anchored.value, f"*{name}", place)
            return
        self._copied_nodes += anchored.nodes
        if self._copied_nodes > _MAX_COPIED_NODES:
            builder.fail(place, "document contains excessive aliasing")
        builder.copied(_copy(anchored.value), place, anchored.nodes, anchored.height)

    def _open(
        self, builder: DocumentBuilder, event: yaml.MappingStartEvent | yaml.SequenceStartEvent
    ) -> None:
        place = self._place(event)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if builder.wants_key:
            what = "mapping" if is_mapping else "list"
            fix = "quote it; a template in {{ }} has to be rendered first" if is_mapping else ""
            builder.fail(place, f"a {what} cannot be a key", fix=fix)
        builder.open({} if is_mapping else [], place)
        self._open_anchors.append(event.anchor)

    def _place(self, event: yaml.NodeEvent) -> Place:
        mark = event.start_mark
        assert mark is not None  # the parser sets it; only hand-made events have none
        return self._first_line + mark.line, mark.column + 1


def _copy(value: object) -> object:
    """Of its own for each alias, so that a change of one is no change of the others."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value
