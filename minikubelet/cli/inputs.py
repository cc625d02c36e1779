"""FILE arguments → manifest texts.

Role: read files, directories and standard input, as `kubectl -f` takes them.
Invariants: every argument gives at least one text or one finding; of a text too large no more than
the limit is read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from minikubelet.manifest.admit import Identity
from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Finding, Position
from minikubelet.manifest.yaml_text import MAX_TEXT_BYTES
from minikubelet.value_class import dataclass

STANDARD_INPUT = "-"
_STDIN_NAME = "<stdin>"
_SUFFIXES = (".yaml", ".yml", ".json")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

NOBODY = Identity(
    new_uid=str, name_suffix=lambda: "xxxxx", created_at=datetime.fromtimestamp(0, UTC)
)
"""What objects are given that are only looked at: nobody sees it."""


@dataclass(frozen=True, slots=True)
class ManifestText:
    """A text and the name by which findings call its source."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Inputs:
    texts: tuple[ManifestText, ...]
    findings: tuple[Finding, ...]
    """What could not be read."""


def read_inputs(arguments: Iterable[str], stdin: BinaryIO) -> Inputs:
    """Read files, directories (their manifests in byte order, not recursively), and `-`."""
    texts: list[ManifestText] = []
    findings: list[Finding] = []
    for argument in arguments:
        for read in _read_argument(argument, stdin):
            if isinstance(read, ManifestText):
                texts.append(read)
            else:
                findings.append(read)
    return Inputs(tuple(texts), tuple(findings))


def _read_argument(argument: str, stdin: BinaryIO) -> Iterator[ManifestText | Finding]:
    if argument == STANDARD_INPUT:
        yield _decode(_STDIN_NAME, stdin.read(MAX_TEXT_BYTES + 1))
        return
    try:
        if not stat.S_ISDIR(os.stat(argument).st_mode):
            yield _read_file(argument)
            return
        names = sorted(os.listdir(argument), key=os.fsencode)
    except OSError as err:
        yield _finding(argument, f"cannot read it: {_why(err)}")
        return
    paths = [os.path.join(argument, name) for name in names if name.endswith(_SUFFIXES)]
    files = [path for path in paths if not os.path.isdir(path)]
    if not files:
        yield _finding(argument, "no *.yaml, *.yml or *.json in this directory")
    for path in files:
        yield _read_file(path)


def _read_file(path: str) -> ManifestText | Finding:
    try:
        with Path(path).open("rb") as file:
            return _decode(path, file.read(MAX_TEXT_BYTES + 1))
    except OSError as err:
        return _finding(path, f"cannot read it: {_why(err)}")


def _decode(file: str, data: bytes) -> ManifestText | Finding:
    if len(data) > MAX_TEXT_BYTES:
        return _finding(file, "larger than 10 MiB")  # L-7
    try:
        return ManifestText(file, data.decode())
    except UnicodeDecodeError as err:
        if data.startswith(_UTF16_MARKS):
            return _finding(file, "the text is UTF-16, not UTF-8", fix="save it as UTF-8")
        line = data.count(b"\n", 0, err.start) + 1
        column = len(data[data.rfind(b"\n", 0, err.start) + 1 : err.start].decode()) + 1
        message = f"the byte 0x{data[err.start]:02x} is not UTF-8"
        return _finding(file, message, fix="save it as UTF-8", line=line, column=column)


def _finding(file: str, message: str, *, fix: str = "", line: int = 0, column: int = 0) -> Finding:
    return Finding.at(Position(file, line, column), FieldPath(), message, fix=fix)


def _why(err: OSError) -> str:
    return (err.strerror or str(err)).lower()
