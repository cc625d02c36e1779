"""The forms that `get -o` prints: which there are, and templates from files.

Role: check the word after `-o` before anything is asked; lines of custom columns.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from minikubelet.cli.client import CommandError
from minikubelet.manifest.json_tree import Json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minikubelet.cli.custom_columns import Column

_PLAIN = ("json", "yaml", "name", "wide")
_JSONPATH, _JSONPATH_FILE = "jsonpath=", "jsonpath-file="
_COLUMNS, _COLUMNS_FILE = "custom-columns", "custom-columns-file"
_TEMPLATES = ("jsonpath", "jsonpath-file", "jsonpath-as-json", _COLUMNS, _COLUMNS_FILE)
_GO_TEMPLATES = ("go-template", "go-template-file", "template", "templatefile")


def output_form(text: str) -> str:
    """The word after `-o`; a JSONPath from a file is read. Raises ArgumentTypeError."""
    form, _, rest = text.partition("=")
    if form in _GO_TEMPLATES:
        raise argparse.ArgumentTypeError(
            f"there are no Go templates here ({form}): use jsonpath=… or custom-columns=…, or "
            "kubectl itself"
        )
    if text in _PLAIN or (form in _TEMPLATES and (rest or form in (_COLUMNS, _COLUMNS_FILE))):
        return _JSONPATH + _read(rest) if text.startswith(_JSONPATH_FILE) else text
    if form in _TEMPLATES:
        raise argparse.ArgumentTypeError(f"{form} needs a template: {form}=…")
    forms = ", ".join((*_PLAIN, *(f"{form}=…" for form in _TEMPLATES)))
    raise argparse.ArgumentTypeError(f"{text!r} is not one of {forms}")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise argparse.ArgumentTypeError(f"cannot read the template {path}: {reason}") from error


class ColumnsPrinter:
    """Lines of custom columns, below their headers, which come first and once."""

    def __init__(self, columns: tuple[Column, ...], *, no_headers: bool) -> None:
        from minikubelet.cli.custom_columns import TabbedText

        self._columns = columns
        self._text = TabbedText()
        self._headed = no_headers
        self._lines: list[str] = []

    def lines(self, documents: Sequence[Json]) -> str:
        """Raises JsonPathError; `rest` has what was ready by then."""
        from minikubelet.cli.custom_columns import header_line, object_line

        if not self._headed:
            self._headed = True
            self._lines.append(header_line(self._columns))
        for document in documents:
            self._lines.append(object_line(self._columns, document))
        return self.rest()

    def rest(self) -> str:
        lines, self._lines = self._lines, []
        return self._text.render(lines)


def columns_printer(output: str, *, no_headers: bool) -> ColumnsPrinter | None:
    """None for another form of output. Raises CommandError for columns that cannot be read."""
    form, _, rest = output.partition("=")
    if form not in (_COLUMNS, _COLUMNS_FILE):
        return None
    from minikubelet.cli.custom_columns import ColumnsError, columns_of, columns_of_file

    try:
        if form == _COLUMNS:
            return ColumnsPrinter(columns_of(rest), no_headers=no_headers)
        return ColumnsPrinter(columns_of_file(_columns_text(rest)), no_headers=False)
    except ColumnsError as error:
        raise CommandError(f"error: {error}") from error


def _columns_text(path: str) -> str:
    if not path:
        raise CommandError("error: custom-columns format specified but no custom columns given")
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        text = (
            f"error: error reading template {path}, open {path}: {reason[:1].lower()}{reason[1:]}"
        )
        raise CommandError(text) from error
