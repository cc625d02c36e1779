"""Strict decoding: every field of a document is known and holds what it should.

Role: walk a document beside the schema; report unknown fields with the likely one, and mistyped
values with the way to write them. All at once.
Invariants: pure; a document without error findings has the shapes that the decoders rely on.
Upstream: field validation `Strict` of the API server (K-47); texts of its decoder in `upstream`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Finding, Positions, Severity
from minikubelet.manifest.schema import Field, Schema, load_schema
from minikubelet.manifest.strict_values import Problem, check_scalar, describe
from minikubelet.manifest.suggest import Level, nearest_name, suggest_field
from minikubelet.manifest.yaml_errors import explain_missing_blank

_MAX_SUGGESTIONS = 50
_TYPE_META = frozenset({"apiVersion", "kind"})
_GO_TYPES = {"boolean": "bool", "bytes": "[]uint8", "time": "v1.Time", "microtime": "v1.MicroTime"}
_GO_TYPES |= {"quantity": "resource.Quantity", "intOrString": "intstr.IntOrString"}


def check_message(
    content: Mapping[str, object],
    message: str,
    positions: Positions,
    *,
    unknown: Severity = Severity.ERROR,
) -> tuple[Finding, ...]:
    """Check an object of the kind that `message` describes, such as `core.Pod`.

    `unknown` is how much an unknown field matters: the kubelet's own files only warn (L-8).
    """
    checker = _Checker(load_schema(), positions, unknown)
    checker.check_object(message, content, FieldPath())
    return tuple(checker.findings)


class _Checker:
    """Collects findings on the way through one document."""

    def __init__(self, schema: Schema, positions: Positions, unknown: Severity) -> None:
        self._schema = schema
        self._positions = positions
        self._unknown = unknown
        self._levels: list[Level] = []
        self._suggestions = 0
        self.findings: list[Finding] = []

    def check_object(self, message: str, content: Mapping[str, object], path: FieldPath) -> None:
        fields = self._schema.fields(message)
        self._levels.append(Level(message, path, content))
        for name, value in content.items():
            if (field := fields.get(name)) is not None:
                self._check(field, field.shape, value, path.child(name))
            elif len(self._levels) > 1 or not _is_type_meta(name, content):
                self._report_unknown(name, path)
        self._levels.pop()

    def _check(self, field: Field, shape: str, value: object, path: FieldPath) -> None:
        """Check a value against what is left of its field's shape."""
        shape = shape.removeprefix("*")
        if value is None:
            return
        if shape.startswith("[]"):
            if isinstance(value, list):
                for index, item in enumerate(value):
                    self._check(field, shape[2:], item, path.index(index))
            else:
                self._report_not_a_list(field, value, path)
        elif shape.startswith("{}"):
            if isinstance(value, dict):
                for key, item in value.items():
                    self._check(field, shape[2:], item, path.key(key))
            else:
                self._report_not_a_mapping(field, value, path)
        elif field.is_message:
            if isinstance(value, dict):
                self.check_object(field.type, value, path)
            else:
                self._report_not_a_mapping(field, value, path)
        elif problem := check_scalar(field, value, self._positions.written_as(path)):
            self._report(field, shape, value, path, problem)

    def _report_unknown(self, name: str, parent: FieldPath) -> None:
        path = parent.child(name)
        fix = ""
        if self._suggestions < _MAX_SUGGESTIONS:
            self._suggestions += 1
            fix = suggest_field(self._schema, self._levels, name)
        self.findings.append(
            Finding.at(
                self._positions.at(path),
                path,
                "unknown field",
                fix=fix,
                severity=self._unknown,
                upstream=f'unknown field "{path}"',
            )
        )

    def _report_not_a_list(self, field: Field, value: object, path: FieldPath) -> None:
        fix = ""
        if isinstance(value, dict) and field.is_message:
            fix = self._list_fix(field, value)
        elif isinstance(value, str) and field.name in ("command", "args"):
            fix = f'write ["sh", "-c", "{value}"], or one item per word'
            fix = fix if " " in value and field.name == "command" else f'write ["{value}"]'
        elif isinstance(value, str | int | float) and not field.is_message:
            fix = f"write [{value}]" if not isinstance(value, bool) else ""
        message = f"a list is wanted, not {self._described(value, path)}"
        self._report(field, "[]", value, path, Problem(message, fix))

    def _list_fix(self, field: Field, value: Mapping[str, object]) -> str:
        names = self._schema.fields(field.type)
        first = next(iter(value), "")
        if first.startswith("-"):
            return f'write "- {first[1:]}" with a blank after the dash'
        if first in names:
            return f'begin its first line with a dash: "- {first}: …"'
        if first and {"name", "value"} <= names.keys():
            return f'write "- name: {first}" and below it "value: …"'
        return ""

    def _report_not_a_mapping(self, field: Field, value: object, path: FieldPath) -> None:
        fix = ""
        if isinstance(value, str):
            fix = explain_missing_blank(value)
        elif isinstance(value, list):
            fix = self._mapping_fix(field, value)
        message = f"a mapping is wanted, not {self._described(value, path)}"
        shape = field.shape.removeprefix("*")
        self._report(field, shape.removeprefix("[]"), value, path, Problem(message, fix))

    def _mapping_fix(self, field: Field, value: list[object]) -> str:
        if "{}" in field.shape:
            return 'write "key: value" lines without dashes'
        if len(value) == 1 and isinstance(value[0], dict):
            return "remove the dash"
        words = [word for word in value if isinstance(word, str)]
        if len(words) == len(value) and "command" in self._schema.fields(field.type):
            return f"write it as command: {json.dumps(words, ensure_ascii=False)}"
        return ""

    def _described(self, value: object, path: FieldPath) -> str:
        return describe(value, self._positions.written_as(path))

    def _report(
        self, field: Field, shape: str, value: object, path: FieldPath, problem: Problem
    ) -> None:
        position = self._positions.at(path)
        upstream = problem.upstream or self._upstream(field, shape, value, path)
        self.findings.append(
            Finding.at(position, path, problem.message, fix=problem.fix, upstream=upstream)
        )

    def _upstream(self, field: Field, shape: str, value: object, path: FieldPath) -> str:
        """What Go's decoder says of a value of the wrong type."""
        names = ".".join(part[1:] for part in path.parts if part.startswith("."))
        struct = self._levels[-1].message.partition(".")[2]
        wanted = _go_type(field, shape)
        found = _json_type(value)
        if found == "number" and wanted in ("int32", "int64"):
            found = f"number {value}"
        return (
            f"json: cannot unmarshal {found} into Go struct field {struct}.{names} of type {wanted}"
        )


def _is_type_meta(name: str, content: Mapping[str, object]) -> bool:
    """Whether `name` is, or is meant to be, a field that `kinds.identify` looks after."""
    return name in _TYPE_META or bool(nearest_name(name, _TYPE_META - content.keys()))


def _json_type(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"


def _go_type(field: Field, shape: str) -> str:
    shape = shape.removeprefix("*")
    if field.is_message or field.enum:
        name = "v1." + (field.enum or field.type).partition(".")[2]
    else:
        name = _GO_TYPES.get(field.type, field.type)
    return shape.replace("{}", "map[string]") + name
