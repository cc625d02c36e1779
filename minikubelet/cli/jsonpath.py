"""The useful part of kubectl's JSONPath templates. Pure.

Understood: text around `{…}`; `.name`, `['name']`, `['a.b/c']`, `\\.` in names; `[0]`, `[-1]`,
`[1:3]`, `[*]`; `..name`; filters `[?(@.name=="x")]` with == != < <= > >= or a bare `@.name`;
`{range PATH}…{end}`; quoted text `{"\\n"}`; `{@}` and `{$}`.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from minikubelet.value_class import dataclass

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_STEP = re.compile(
    r"\.\.(?P<deep>(?:\\.|[^.\[\s\\])+)"
    r"|\.(?P<name>(?:\\.|[^.\[\s\\])+)"
    r"|\[\?\((?P<filter>.*?)\)\]"
    r"|\[(?P<quote>['\"])(?P<key>.*?)(?P=quote)\]"
    r"|\[(?P<index>[^\]'\"?]*)\]"
    r"|\.(?=\[|$)"
)
_CONDITION = re.compile(
    r"\s*@(?P<path>[^=!<>\s]*)\s*(?:(?P<sign>==|!=|<=|>=|<|>)\s*(?P<value>.+?))?\s*"
)
_RANGE = re.compile(r"range[\s.\[$@]")
_BLOCK = re.compile(r"\{((?:\"(?:\\.|[^\"])*\"|'(?:\\.|[^'])*'|[^{}\"'])*)\}")


class JsonPathError(ValueError):
    """The template is not right, or asks for what this subset lacks."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Text, a path, or a range with its body."""

    text: str = ""
    path: str | None = None
    body: tuple[_Part, ...] | None = None


def render(template: str, document: Any) -> str:
    """Raises JsonPathError."""
    if "{" not in template:
        template = (
            f"{{{template if template.startswith(('.', '[', '$', '@')) else '.' + template}}}"
        )
    return "".join(_written(_parse(template), document, document))


def find(path: str, document: Any, root: Any = None) -> list[Any]:
    """The values at a path; none when it leads nowhere."""
    path = path.strip()
    values = [document]
    if path[:1] in ("$", "@"):
        if path[0] == "$" and root is not None:
            values = [root]
        path = path[1:]
    at = 0
    if path and path[0] not in ".[":
        path = f".{path}"
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise JsonPathError(f"cannot read {path[at:]!r} of the path {path!r}")
        values = [found for value in values for found in _take(step, value)]
        at = step.end()
    return values


def _take(step: re.Match[str], value: Any) -> Iterator[Any]:
    if (name := step["deep"]) is not None:
        yield from _deep(_plain(name), value)
    elif (name := step["name"]) is not None:
        yield from _children(value) if name == "*" else _child(value, _plain(name))
    elif step["key"] is not None:
        yield from _child(value, step["key"].replace("\\.", "."))
    elif (condition := step["filter"]) is not None:
        items = value if isinstance(value, list) else []
        yield from (item for item in items if _holds(condition, item))
    elif (index := step["index"]) is not None:
        yield from _indexed(value, index.strip())
    else:
        yield value


def _plain(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name)


def _child(value: Any, name: str) -> list[Any]:
    return [value[name]] if isinstance(value, dict) and name in value else []


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value or ())


def _deep(name: str, value: Any) -> Iterator[Any]:
    yield from _child(value, name)
    if isinstance(value, (dict, list)):
        for child in _children(value):
            yield from _deep(name, child)


def _indexed(value: Any, index: str) -> list[Any]:
    if index == "*":
        return _children(value) if isinstance(value, (dict, list)) else []
    if not isinstance(value, list):
        return []
    try:
        numbers = [int(part) if part else None for part in index.split(":")]
    except ValueError as err:
        raise JsonPathError(f"[{index}] is not an index") from err
    if len(numbers) > 1:
        return value[slice(*numbers)]
    number = numbers[0]
    if number is None or not -len(value) <= number < len(value):
        raise JsonPathError(f"array index out of bounds: index {index}, length {len(value)}")
    return [value[number]]


def _holds(condition: str, item: Any) -> bool:
    parsed = _CONDITION.fullmatch(condition)
    if parsed is None:
        raise JsonPathError(f"cannot read the filter ?({condition})")
    found = find(parsed["path"], item) if parsed["path"] else [item]
    if parsed["sign"] is None:
        return bool(found)
    try:
        wanted = json.loads(re.sub(r"^'(.*)'$", r'"\1"', parsed["value"]))
    except ValueError as err:
        raise JsonPathError(f"cannot compare with {parsed['value']}") from err
    compare = _COMPARISONS[parsed["sign"]]
    try:
        return any(compare(value, wanted) for value in found)
    except TypeError:
        return False


def _parse(template: str) -> tuple[_Part, ...]:
    """The parts; a stack holds what surrounds an open range."""
    parts: list[_Part] = []
    around: list[tuple[str, list[_Part]]] = []
    at = 0
    for block in _BLOCK.finditer(template):
        parts += _literal(template[at : block.start()])
        at, inside = block.end(), block[1].strip()
        if _RANGE.match(inside):
            around.append((inside.removeprefix("range"), parts))
            parts = []
        elif inside == "end":
            if not around:
                raise JsonPathError("{end} without {range …}")
            path, outer = around.pop()
            parts = [*outer, _Part(path=path, body=tuple(parts))]
        elif inside[:1] in ('"', "'"):
            parts.append(_Part(_unquoted(inside)))
        else:
            parts.append(_Part(path=inside))
    if around:
        raise JsonPathError("{range …} without {end}")
    return (*parts, *_literal(template[at:]))


def _literal(text: str) -> list[_Part]:
    if "{" in text or "}" in text:
        raise JsonPathError(f"a brace is not closed in {text!r}")
    return [_Part(text)] if text else []


def _unquoted(text: str) -> str:
    if text[-1:] != text[0] or len(text) < 2:
        raise JsonPathError(f"a quote is not closed in {text!r}")
    inner = text[1:-1].replace("\\'", "'")
    if text[0] == "'":
        inner = re.sub(r'(?<!\\)"', r"\"", inner)
    try:
        written: str = json.loads(f'"{inner}"', strict=False)  # a tab may stand for itself
    except json.JSONDecodeError:
        raise JsonPathError(f"not an escape that JSON knows in {text!r}") from None
    return written


def _written(parts: tuple[_Part, ...], document: Any, root: Any) -> Iterator[str]:
    for part in parts:
        if part.path is None:
            yield part.text
        elif part.body is not None:
            for item in find(part.path, document, root):
                yield from _written(part.body, item, root)
        else:
            yield " ".join(_value(found) for found in find(part.path, document, root))


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
