"""The grammar of label selectors.

Role: `a=b,c in (d,e),!f` to requirements, with the API server's words for what is wrong. Pure.
Upstream: kubernetes apimachinery pkg/labels, Lexer, Parser and NewRequirement. Differs: one pass
over a list of tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.go_numbers import parse_int64
from minikubelet.value_class import dataclass


class SelectorError(ValueError):
    """`message` is the text of the 400."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Operator(StrEnum):
    IN = "in"
    NOT_IN = "notin"
    EQUALS = "="
    NOT_EQUALS = "!="
    EXISTS = "exists"
    DOES_NOT_EXIST = "!"
    GREATER_THAN = "gt"
    LESS_THAN = "lt"


@dataclass(frozen=True, slots=True)
class Requirement:
    key: str
    operator: Operator
    values: tuple[str, ...] = ()
    """Sorted, each once."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case Operator.IN | Operator.EQUALS:
                return value is not None and value in self.values
            case Operator.NOT_IN | Operator.NOT_EQUALS:
                return value is None or value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.DOES_NOT_EXIST:
                return value is None
            case Operator.GREATER_THAN:
                number = parse_int64(value or "")
                return number is not None and number > int(self.values[0])
            case Operator.LESS_THAN:
                number = parse_int64(value or "")
                return number is not None and number < int(self.values[0])

    def __str__(self) -> str:
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"
            case Operator.IN | Operator.NOT_IN:
                values = ",".join(self.values) or ","
                return f"{self.key} {self.operator} ({values})"
            case Operator.GREATER_THAN:
                return f"{self.key}>{self.values[0]}"
            case Operator.LESS_THAN:
                return f"{self.key}<{self.values[0]}"
            case _:
                return f"{self.key}{self.operator}{self.values[0]}"


_OPERATORS = {
    "=": Operator.EQUALS,
    "==": Operator.EQUALS,
    "!=": Operator.NOT_EQUALS,
    ">": Operator.GREATER_THAN,
    "<": Operator.LESS_THAN,
    "in": Operator.IN,
    "notin": Operator.NOT_IN,
}
_OPERATOR_WORDS = "in, notin, =, ==, !=, gt, lt"
_END = ""
_TOKEN = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^ \t\r\n=!(),<>]+|$)")


def requirements(text: str) -> tuple[Requirement, ...]:
    return tuple(_Parser([found[1] for found in _TOKEN.finditer(text)]).selector())


class _Parser:
    """Over tokens; behind the last one there are only ends."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def selector(self) -> Iterator[Requirement]:
        if self._peek() == _END:
            return
        if not (self._peek() == "!" or _is_word(self._peek())):
            raise SelectorError(
                f"found '{self._peek()}', expected: !, identifier, or 'end of string'"
            )
        while True:
            try:
                yield self._requirement()
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error.message}") from None
            following = self._take()
            if following == _END:
                return
            if following != ",":
                raise SelectorError(f"found '{following}', expected: ',' or 'end of string'")
            if not (self._peek() == "!" or _is_word(self._peek())):
                raise SelectorError(f"found '{self._peek()}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        absent = self._peek() == "!"
        if absent:
            self._take()
        key = self._take()
        if not _is_word(key):
            raise SelectorError(f"found '{key}', expected: identifier")
        _check_key(key)
        if absent:
            return Requirement(key, Operator.DOES_NOT_EXIST)
        if self._peek() in (_END, ","):
            return Requirement(key, Operator.EXISTS)
        operator = self._operator()
        in_set = operator in (Operator.IN, Operator.NOT_IN)
        values = self._value_set() if in_set else {self._value()}
        return _checked(Requirement(key, operator, tuple(sorted(values))))

    def _operator(self) -> Operator:
        token = self._take()
        try:
            return _OPERATORS[token]
        except KeyError:
            raise SelectorError(f"found '{token}', expected: {_OPERATOR_WORDS}") from None

    def _value(self) -> str:
        if self._peek() in (_END, ","):
            return ""
        token = self._take()
        if not _is_word(token):
            raise SelectorError(f"found '{token}', expected: identifier")
        return token

    def _value_set(self) -> set[str]:
        if (opening := self._take()) != "(":
            raise SelectorError(f"found '{opening}' expected: '('")
        if self._peek() == ")":
            self._take()
            return set()
        if not (self._peek() == "," or _is_word(self._peek())):
            raise SelectorError(f"found '{self._peek()}', expected: ',', ')' or identifier")
        values: set[str] = set()
        while True:
            token = self._take()
            if _is_word(token):
                values.add(token)
                if self._peek() == ")":
                    break
                if self._peek() != ",":
                    raise SelectorError(f"found '{self._peek()}', expected: ',' or ')'")
            elif token == ",":
                if not values:
                    values.add("")
                if self._peek() == ")":
                    values.add("")
                    break
                if self._peek() == ",":
                    self._take()
                    values.add("")
            else:
                raise SelectorError(f"found '{token}', expected: ',', or identifier")
        self._take()
        return values

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token


def _is_word(token: str) -> bool:
    return token != _END and token[0] not in "=!(),<>"


def _check_key(key: str) -> None:
    if details := names.qualified_name(key):
        # The parser has no field path here, which Go prints so.
        raise SelectorError(f"<nil>: Invalid value: {go_quote(key)}: {'; '.join(details)}")


def _checked(requirement: Requirement) -> Requirement:
    """The rules beyond the grammar."""
    values = requirement.values
    problems: list[str] = []
    if requirement.operator in (Operator.IN, Operator.NOT_IN) and not values:
        problems.append(
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"
        )
    if requirement.operator in (Operator.GREATER_THAN, Operator.LESS_THAN):
        problems += [
            f"values[{at}]: Invalid value: {go_quote(value)}: "
            "for 'Gt', 'Lt' operators, the value must be an integer"
            for at, value in enumerate(values)
            if parse_int64(value) is None
        ]
    for at, value in enumerate(values):
        if details := names.label_value(value):
            problems.append(
                f"values[{at}][{requirement.key}]: Invalid value: {go_quote(value)}: "
                + "; ".join(details)
            )
    if problems:
        raise SelectorError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
    return requirement
