"""Broken YAML, explained.

Role: from what the parser stumbled over and the lines around it, say which slip of the pen it was,
where it was, and how to put it right.
Invariants: pure; every error of the parser gets an explanation, if only the parser's own words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """Line and column count from 1, within the lines that were given."""

    line: int
    column: int
    message: str
    fix: str = ""


_LEADING_TAB = re.compile(r"[ ]*(?:- +)*\t")
_NO_BLANK = re.compile(r"[ ]*(?:- +)*(?P<key>[A-Za-z][\w.-]*):(?P<value>[^\s:].*?)\s*")
_NO_BLANK_AFTER_DASH = re.compile(r"[ ]*-(?=[A-Za-z])")
_NO_COLON = re.compile(r"[ ]*(?:- +)*(?P<key>[\w./-]+)\s*(?:#.*)?")
_KEY = re.compile(r"[ ]*(?:- +)*(?P<key>[\w./-]+):(?:\s|$)")
_AFTER_QUOTE = re.compile(r"[ ]*(?:- +)*(?:[\w./-]+: +)?(['\"]).*?\1(?=\S| +[^#\s])")
_PRINTABLE = "\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff"
_UNPRINTABLE = re.compile(f"[^{_PRINTABLE}]")
_CLOSING = {"[": "]", "{": "}"}


def explain_missing_blank(text: str) -> str:
    """The fix for `path:/` where `path: /` was meant; empty for a text that is not of this kind."""
    match = _NO_BLANK.fullmatch(text)
    return f'write "{match["key"]}: {match["value"]}"' if match else ""


def find_unprintable(lines: Sequence[str]) -> Explanation | None:
    """A character that YAML does not allow anywhere."""
    for number, line in enumerate(lines, 1):
        if match := _UNPRINTABLE.search(line):
            message = f"the character U+{ord(match[0]):04X} is not allowed in YAML"
            fix = "remove it, or write it as an escape in double quotes"
            return Explanation(number, match.start() + 1, message, fix)
    return None


def explain(error: yaml.MarkedYAMLError, lines: Sequence[str]) -> Explanation:
    """Explain an error of the parser; `lines` are those it read."""
    line, column = _place(error.problem_mark or error.context_mark, lines)
    begun = _place(error.context_mark or error.problem_mark, lines)
    problem = error.problem or ""
    context = error.context or ""
    found = (
        _tab(line, lines)
        or _template(line, lines)
        or _simple_key(problem, context, begun, lines)
        or _nested_value(problem, line, column, lines)
        or _unclosed(context, problem, begun, lines)
        or _reserved(context, problem, begun, line, column, lines)
        or _indentation(problem, line, lines)
    )
    if found is not None:
        return found
    own_words = f"{problem} {context}".strip() if context else problem
    return Explanation(line, column, own_words or "not YAML")


def _place(mark: yaml.Mark | None, lines: Sequence[str]) -> tuple[int, int]:
    if mark is None:
        return 1, 1
    if mark.line >= len(lines):  # libyaml puts the end of a text into a line of its own
        return len(lines), len(lines[-1]) + 1
    return mark.line + 1, mark.column + 1


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _tab(line: int, lines: Sequence[str]) -> Explanation | None:
    if match := _LEADING_TAB.match(_line(lines, line)):
        return Explanation(line, match.end(), "a tab cannot indent YAML", "indent with blanks")
    return None


def _template(line: int, lines: Sequence[str]) -> Explanation | None:
    for number in (line, line - 1):
        if (column := _line(lines, number).find("{{")) >= 0:
            message = "{{ … }} is a template, not YAML"
            fix = "render it first (as with helm template)"
            return Explanation(number, column + 1, message, fix)
    return None


def _simple_key(
    problem: str, context: str, begun: tuple[int, int], lines: Sequence[str]
) -> Explanation | None:
    if "could not find expected ':'" not in problem or "simple key" not in context:
        return None
    line, column = begun
    return _missing_blank(line, lines) or Explanation(
        line, column, *_missing_colon(_line(lines, line))
    )


def _missing_blank(line: int, lines: Sequence[str]) -> Explanation | None:
    text = _line(lines, line)
    if not (fix := explain_missing_blank(text)):
        return None
    colon = text.index(":", re.match(r"[ ]*(?:- +)*", text).end())  # type: ignore[union-attr]
    return Explanation(line, colon + 1, "no blank after the colon", fix)


def _missing_colon(text: str) -> tuple[str, str]:
    if match := _NO_COLON.fullmatch(text):
        return f'no colon after "{match["key"]}"', f'write "{match["key"]}: …"'
    return 'neither "key: value" nor the rest of a value', ""


def _nested_value(problem: str, line: int, column: int, lines: Sequence[str]) -> Explanation | None:
    """A colon where no key can stand."""
    if "mapping values are not allowed" not in problem:
        return None
    text = _line(lines, line)
    if (match := _KEY.match(text)) and match.end("key") < column - 1:
        value = text[match.end("key") + 1 :].strip()
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        if value.endswith(":"):
            message = f'a second colon in one line: "{value}" cannot stand here'
            return Explanation(
                line, column, message, f'put "{value}" on a line of its own, indented'
            )
        message = f'a second colon in one line: the value of "{match["key"]}" needs quotes'
        return Explanation(line, column, message, f'write {match["key"]}: "{quoted}"')
    above = line - 1
    while above > 0 and not _line(lines, above).strip():
        above -= 1
    if found := _missing_blank(above, lines):
        return found
    above_text = _line(lines, above)
    if dash := _NO_BLANK_AFTER_DASH.match(above_text):
        fix = f'write "- {above_text[dash.end() :].strip()}"'
        return Explanation(above, dash.end() + 1, "no blank after the dash", fix)
    if _NO_COLON.fullmatch(above_text):
        indent = len(above_text) - len(above_text.lstrip())
        return Explanation(above, indent + 1, *_missing_colon(above_text))
    if (match := _KEY.match(text)) and (parent := _KEY.match(above_text)):
        message = f'"{match["key"]}" is indented below "{parent["key"]}", which has a value already'
        fix = f'begin "{match["key"]}" in column {parent.start("key") + 1}, as "{parent["key"]}"'
        return Explanation(line, match.start("key") + 1, message, fix)
    return None


def _unclosed(
    context: str, problem: str, begun: tuple[int, int], lines: Sequence[str]
) -> Explanation | None:
    line, column = begun
    char = _line(lines, line)[column - 1 : column]
    if "quoted scalar" in context and ("end of stream" in problem or "document" in problem):
        return Explanation(line, column, "the quote that opens here is never closed", f"add {char}")
    if "flow" in context and char in _CLOSING and ("expected ','" in problem or "node" in problem):
        message = f'the "{char}" that opens here is not closed, or a comma is missing in it'
        return Explanation(line, column, message, f'add "{_CLOSING[char]}"')
    if "flow node" in context:
        message = "a value is missing here"
        return Explanation(line, column, message, "close the [ or { above, or add the value")
    return None


def _reserved(
    context: str,
    problem: str,
    begun: tuple[int, int],
    line: int,
    column: int,
    lines: Sequence[str],
) -> Explanation | None:
    """A value that begins with a character which means something else, or ends too early."""
    if "unknown escape" in problem:
        fix = "write \\\\ for a backslash, or use single quotes"
        return Explanation(line, column, "not an escape that YAML knows", fix)
    if "alias" in context or "anchor" in context or "tag" in context:
        line, column = begun
    elif "cannot start any token" not in problem:
        return None
    value = _line(lines, line)[column - 1 :].strip()
    if not value:
        return None
    quoted = value.replace("'", "''")
    message = f'a value that begins with "{value[0]}" needs quotes'
    return Explanation(line, column, message, f"write '{quoted}'")


def _indentation(problem: str, line: int, lines: Sequence[str]) -> Explanation | None:
    if not any(word in problem for word in ("expected key", "expected '-'", "<block end>")):
        return None
    text = _line(lines, line)
    if quote := _AFTER_QUOTE.match(text):
        message = "there is more text after the closing quote"
        fix = "quote the whole value, or double the quote inside"
        return Explanation(line, quote.end() + 1, message, fix)
    column = len(text) - len(text.lstrip(" ")) + 1
    columns = _columns_above(line, lines)
    is_item = text.lstrip().startswith("- ")
    if column in columns:
        what, others = ("list item", "keys") if is_item else ("key", "list items")
        message = f"a {what} stands among {others}"
        return Explanation(line, column, message, "indent it, if it belongs to what stands above")
    message = f"this {'list item' if is_item else 'line'} lines up with nothing above it"
    nearest = " or ".join(str(column) for column in columns[:2])
    return Explanation(line, column, message, f"begin it in column {nearest}" if nearest else "")


def _columns_above(line: int, lines: Sequence[str]) -> list[int]:
    """The columns in which the blocks around a line begin, nearest first."""
    columns: list[int] = []
    for number in range(line - 1, max(0, line - 200), -1):
        text = _line(lines, number)
        column = len(text) - len(text.lstrip(" ")) + 1
        if text.strip() and not text.lstrip().startswith("#"):
            if not columns or column < columns[-1]:
                columns.append(column)
            if column == 1:
                break
    return columns
