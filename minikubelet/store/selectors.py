"""Label and field selectors as clients write them.

Role: text to a value that matches, with the API server's words for what it cannot read (K-30,
K-31). Pure.
Invariants: `str()` of a selector reads back as the same selector.
Upstream: kubernetes apimachinery, labels.Parse and fields.ParseSelector.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from minikubelet.store.field_values import field_value
from minikubelet.store.label_parser import Operator, Requirement, SelectorError, requirements
from minikubelet.value_class import dataclass

__all__ = [
    "FieldSelector",
    "FieldTerm",
    "LabelSelector",
    "Operator",
    "Requirement",
    "SelectorError",
    "field_value",
    "parse_field_selector",
    "parse_label_selector",
]


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements must hold; without any it matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class FieldTerm:
    field: str
    operator: str
    """`=` or `!=`."""
    value: str

    def matches(self, value: str) -> bool:
        return (value == self.value) == (self.operator == "=")

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{_escaped(self.value)}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    terms: tuple[FieldTerm, ...] = ()

    def matches(self, values: Callable[[str], str | None]) -> bool:
        """`values` says what an object has in a field; a field without a value is empty."""
        return all(term.matches(values(term.field) or "") for term in self.terms)

    def __str__(self) -> str:
        return ",".join(str(term) for term in self.terms)


def parse_label_selector(text: str) -> LabelSelector:
    """SelectorError with the text of the 400."""
    return LabelSelector(requirements(text))


def parse_field_selector(text: str) -> FieldSelector:
    """Empty values are meaningful, a term may be repeated (K-31)."""
    return FieldSelector(tuple(_field_term(term, text) for term in _field_terms(text) if term))


def _field_terms(text: str) -> Iterator[str]:
    """Split at commas that no backslash escapes."""
    begin = 0
    escaped = False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ",":
            yield text[begin:at]
            begin = at + 1
    yield text[begin:]


_TERM = re.compile(
    r"(?P<field>[^=!]*(?:!(?!=)[^=!]*)*)(?P<operator>!=|==?)(?P<value>.*)", re.DOTALL
)


def _field_term(term: str, text: str) -> FieldTerm:
    found = _TERM.fullmatch(term)
    if found is None:
        raise SelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
    operator = "!=" if found["operator"] == "!=" else "="
    return FieldTerm(found["field"], operator, _unescaped(found["value"]))


def _unescaped(value: str) -> str:
    characters: list[str] = []
    rest = iter(value)
    for char in rest:
        if char == "\\":
            escaped = next(rest, "")
            if not escaped or escaped not in "\\,=":
                raise SelectorError(f"invalid field selector: invalid escape sequence: \\{escaped}")
            characters.append(escaped)
        elif char in ",=":
            # The API server prints the number of the character here.
            raise SelectorError(
                f"invalid field selector: unescaped character in value: {ord(char)}"
            )
        else:
            characters.append(char)
    return "".join(characters)


def _escaped(value: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", value)
