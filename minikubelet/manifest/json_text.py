"""JSON text → documents with places.

Role: read one or several JSON values, so that a mistake is shown where it stands.
Invariants: pure; iterative, so that no input exhausts the stack.
Upstream: kubectl and the kubelet read a text that begins with `{` as JSON, strictly.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NoReturn

from minikubelet.manifest.document import Document, DocumentBuilder, DocumentError, Place
from minikubelet.manifest.findings import Finding, Severity
from minikubelet.manifest.yaml_scalars import Scalar, as_json_number

_BLANKS = " \t\r\n"
_BLANK = re.compile(f"[{_BLANKS}]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?(?![\w.])")
_WORD = re.compile(r"[^\s,:{}\[\]\"']+")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_WORD_FIXES = {"True": "true", "False": "false", "None": "null", "nil": "null", "Null": "null"}
_CLOSING = {"{": "}", "[": "]"}
_COMMENT = "/#"
_COMMENT_FIX = "remove it, or write the file as YAML"
_SURROGATE = re.compile("[\ud800-\udfff]")


def looks_like_json(text: str) -> bool:
    """As upstream decides: the first character that is not blank is a brace."""
    return text.lstrip(_BLANKS).startswith("{")


def read_json(
    text: str, file: str, first_line: int = 1, repeated: Severity = Severity.ERROR
) -> tuple[tuple[Document, ...], tuple[Finding, ...]]:
    """Read the JSON values of a text; the findings are its duplicate keys and its first mistake."""
    reader = _JSONReader(text, file, first_line, repeated)
    documents: list[Document] = []
    findings: list[Finding] = []
    try:
        for builder in reader.values():
            documents.append(builder.finish())
            findings += builder.findings
    except DocumentError as err:
        findings.append(err.finding)
    return tuple(documents), tuple(findings)


class _JSONReader:
    """Walks over the text; `_at` is the offset of what is read next."""

    def __init__(self, text: str, file: str, first_line: int, repeated: Severity) -> None:
        self._text = text
        self._file = file
        self._first_line = first_line
        self._repeated = repeated
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._at = 0
        self._opened: list[int] = []

    def values(self) -> Iterator[DocumentBuilder]:
        while self._next_char():
            yield self._read_value()

    def _read_value(self) -> DocumentBuilder:
        builder = DocumentBuilder(self._file, self._repeated)
        after_comma = False
        while True:
            char = self._next_char()
            if char and char == self._closing():
                if after_comma:
                    message = f'a comma stands before the closing "{char}"'
                    builder.fail(self._place(), message, fix="remove the comma")
                self._at += 1
                self._opened.pop()
                builder.close()
            else:
                if builder.wants_key:
                    char = self._read_key(builder)
                if char in _CLOSING:
                    builder.open({} if char == "{" else [], self._place())
                    self._opened.append(self._at)
                    self._at += 1
                    after_comma = False
                    continue
                self._read_scalar(builder, char)
            if not self._opened:
                return builder
            after_comma = self._read_comma(builder)

    def _read_key(self, builder: DocumentBuilder) -> str:
        """Read `"key":`; the character after it."""
        place = self._place()
        char = self._next_char()
        if char != '"':
            self._fail_unquoted(builder, char, "a key")
        builder.key(self._read_string(builder), place)
        if self._next_char() != ":":
            builder.fail(self._place(), "no colon after the key", fix='write "key": value')
        self._at += 1
        return self._next_char()

    def _read_scalar(self, builder: DocumentBuilder, char: str) -> None:
        place = self._place()
        if char == '"':
            builder.scalar(self._read_string(builder), place)
        elif match := _NUMBER.match(self._text, self._at):
            self._at = match.end()
            builder.scalar(self._number(builder, match[0], place), place)
        else:
            word = _WORD.match(self._text, self._at)
            if word is None or word[0] not in _WORDS:
                self._fail_unquoted(builder, char, "a text")
            self._at = word.end()
            builder.scalar(_WORDS[word[0]], place)

    def _read_string(self, builder: DocumentBuilder) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            fix = 'end it with "; a line break inside is written \\n'
            builder.fail(
                self._place(), "the text that begins here does not end in its line", fix=fix
            )
        try:
            value: str = json.loads(match[0])
        except json.JSONDecodeError as err:
            self._at += err.pos
            builder.fail(self._place(), "not an escape that JSON knows", fix="write \\\\ for a \\")
        self._at = match.end()
        return _SURROGATE.sub("\ufffd", value)

    def _number(self, builder: DocumentBuilder, text: str, place: Place) -> Scalar:
        if len(text) < 19 and text.lstrip("-").isdigit():
            return int(text)
        value = float(text)
        if math.isinf(value):
            builder.fail(place, "the number is too large")
        if "." in text or "e" in text or "E" in text or abs(value) >= 2**63:
            return as_json_number(value)
        return int(text)

    def _read_comma(self, builder: DocumentBuilder) -> bool:
        char = self._next_char()
        if char == ",":
            self._at += 1
            return True
        if not char:
            self._fail_unclosed(builder)
        if char in _COMMENT:
            builder.fail(self._place(), "JSON has no comments", fix=_COMMENT_FIX)
        if char != self._closing():
            builder.fail(self._place(), "a comma is missing before this")
        return False

    def _fail_unclosed(self, builder: DocumentBuilder) -> NoReturn:
        opened = self._opened[-1]
        char = self._text[opened]
        message = f'the "{char}" that opens here is never closed'
        builder.fail(self._place(opened), message, fix=f'add "{_CLOSING[char]}"')

    def _fail_unquoted(self, builder: DocumentBuilder, char: str, what: str) -> NoReturn:
        place = self._place()
        if not char:
            self._fail_unclosed(builder)
        if char in _COMMENT:
            builder.fail(place, "JSON has no comments", fix=_COMMENT_FIX)
        word = _WORD.match(self._text, self._at)
        if char == "'":
            builder.fail(place, f"{what} in single quotes", fix="use double quotes")
        if word is None:
            builder.fail(place, f'"{char}" stands where {what} is expected')
        known = _WORD_FIXES.get(word[0])
        fix = f"write {known}" if known else f'write "{word[0]}"'
        builder.fail(place, f"{what} without quotes in JSON: {word[0]}", fix=fix)

    def _next_char(self) -> str:
        """Skip blanks; the character there, empty at the end."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def _closing(self) -> str:
        return _CLOSING[self._text[self._opened[-1]]] if self._opened else ""

    def _place(self, offset: int | None = None) -> Place:
        at = self._at if offset is None else offset
        line = bisect_right(self._line_starts, at)
        return self._first_line + line - 1, at - self._line_starts[line - 1] + 1
