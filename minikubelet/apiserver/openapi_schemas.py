"""The schemas of OpenAPI documents (K-102, K-103).

Role: messages of the field table → schemas as `kubectl explain` reads them. Pure.
Invariants: a schema exists for each message that another one refers to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minikubelet.apiserver.field_texts import described, required_fields
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.schema import Field, load_schema
from minikubelet.store.kinds import Resource

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_GROUPS = {"authn": "authentication", "authz": "authorization"}
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_REFERENCE = "#/components/schemas/"

_SCALARS: Mapping[str, Json] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "bytes": {"type": "string", "format": "byte"},
    "time": {"type": "string", "format": "date-time"},
    "microtime": {"type": "string", "format": "date-time"},
    "raw": {"type": "object"},
    "quantity": {"allOf": [{"$ref": _REFERENCE + _QUANTITY}]},
    "intOrString": {"allOf": [{"$ref": _REFERENCE + _INT_OR_STRING}]},
}
_SPECIAL: Mapping[str, Json] = {
    _QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
    _INT_OR_STRING: {"oneOf": [{"type": "integer"}, {"type": "string"}]},
}

# No part of the field table: nothing but these shapes is known of the metrics API, and less of the
# kinds that are only listed.
_OTHERS: Mapping[str, tuple[Field, ...]] = {
    "metrics.PodMetrics": (
        Field(1, "metadata", "meta.ObjectMeta"),
        Field(2, "timestamp", "time"),
        Field(3, "window", "string"),
        Field(4, "containers", "metrics.ContainerMetrics", "[]"),
    ),
    "metrics.ContainerMetrics": (
        Field(1, "name", "string"),
        Field(2, "usage", "quantity", "{}"),
    ),
    "metrics.NodeMetrics": (
        Field(1, "metadata", "meta.ObjectMeta"),
        Field(2, "timestamp", "time"),
        Field(3, "window", "string"),
        Field(4, "usage", "quantity", "{}"),
    ),
    "core.PersistentVolume": (Field(1, "metadata", "meta.ObjectMeta"),),
    "networking.Ingress": (Field(1, "metadata", "meta.ObjectMeta"),),
}


def schemas_of(resources: Iterable[Resource]) -> Json:
    """The schemas of these kinds and of all that they hold, by their upstream names."""
    schemas: Json = dict(_SPECIAL)
    for resource in resources:
        package = resource.group.partition(".")[0] or "core"
        message = resource.message or f"{package}.{resource.kind}"
        _add(schemas, message)
        root = schemas[schema_name(message)]
        root["x-kubernetes-group-version-kind"] = [
            {"group": resource.group, "kind": resource.kind, "version": resource.version}
        ]
        root["properties"] = {
            "apiVersion": {"type": "string", "description": described("", "apiVersion")},
            "kind": {"type": "string", "description": described("", "kind")},
        } | root["properties"]
    return dict(sorted(schemas.items()))


def schema_name(message: str) -> str:
    """`io.k8s.api.core.v1.Pod` of `core.Pod`."""
    package, _, kind = message.partition(".")
    if package == "meta":
        return f"{_META}.{kind}"
    version = "v1beta1" if package == "metrics" else "v1"
    return f"io.k8s.api.{_GROUPS.get(package, package)}.{version}.{kind}"


def _add(schemas: Json, message: str) -> None:
    name = schema_name(message)
    if name in schemas:
        return
    schema: Json = {"type": "object"}
    schemas[name] = schema
    if description := described(message):
        schema["description"] = description
    fields = _fields(message)
    schema["properties"] = {field.name: _property(message, field) for field in fields}
    if required := required_fields(message):
        schema["required"] = required
    for field in fields:
        if field.is_message:
            _add(schemas, field.type)


def _fields(message: str) -> tuple[Field, ...]:
    if message in _OTHERS:
        return _OTHERS[message]
    return tuple(load_schema().fields(message).values())


def _property(message: str, field: Field) -> Json:
    if field.is_message:
        value: Json = {"allOf": [{"$ref": _REFERENCE + schema_name(field.type)}]}
    else:
        value = dict(_SCALARS[field.type])
        if field.enum and (values := load_schema().enums.get(field.enum)):
            value["enum"] = list(values)
    for shape in reversed(_shapes(field.shape)):
        if shape == "[]":
            value = {"type": "array", "items": value}
        else:
            value = {"type": "object", "additionalProperties": value}
    if description := described(message, field.name):
        value["description"] = description
    return value


def _shapes(shape: str) -> list[str]:
    """From the outside in; a pointer is nothing that JSON shows."""
    bare = shape.removeprefix("*")
    return [bare[index : index + 2] for index in range(0, len(bare), 2)]
