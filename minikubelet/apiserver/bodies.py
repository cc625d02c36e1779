"""Request bodies → documents, and what is wrong with their fields (K-23 … K-25, K-47).

Role: bytes of any accepted media type → a JSON document of the wanted kind. Pure.
Invariants: a document that leaves here has the shapes of its kind, and no unknown fields; whatever
the bytes are, the answer is a document or an ApiError.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from minikubelet.apiserver.empty_values import without_empty_values
from minikubelet.apiserver.negotiation import media_type
from minikubelet.apiserver.null_items import has_null_items, without_null_items
from minikubelet.apiserver.plain_times import with_plain_times
from minikubelet.apiserver.protobuf import decode_protobuf
from minikubelet.apiserver.requests import FieldValidation
from minikubelet.apiserver.responses import (
    ApiError,
    bad_request,
    too_complex,
    unsupported_media_type,
)
from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Finding, Positions, Severity
from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.manifest.strict import check_message
from minikubelet.manifest.yaml_text import parse_text
from minikubelet.store.kinds import Resource, resource_of
from minikubelet.value_class import dataclass

JSON_TYPE = "application/json"
YAML_TYPE = "application/yaml"
PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf"
_ACCEPTED = (JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE)
_MAX_DEPTH = 150
MAX_PARTS = 20_000
"""Objects and lists within an object. A pod of 500 containers with all their fields, status and
owners of fields has fewer; one with this many keeps the server busy for half a second."""
_SCHEME = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"
_LOCATED_BYTES = 256 * 1024
"""In larger bodies a repeated field is named without its path, which takes long to find."""
_UNKNOWN = "unknown field "
_DUPLICATE = "duplicate field "


@dataclass(frozen=True, slots=True)
class Body:
    """`duplicates` are upstream's texts of fields that were given twice."""

    content: Any
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedFields:
    """`strict` are upstream's texts for what strict validation refuses."""

    document: Json
    strict: tuple[str, ...] = ()
    mistyped: tuple[str, ...] = ()


def read_body(data: bytes, content_type: str) -> Body:
    """Of a create or update; raises ApiError 400 or 415."""
    match media_type(content_type):
        case "application/json":
            return read_json(data)
        case "application/yaml":
            return read_yaml(data)
        case "application/vnd.kubernetes.protobuf":
            try:
                content = decode_protobuf(data)
            except ValueError as err:
                raise bad_request(f"cannot read the protobuf body: {err}") from err
            _limit_shape(content)
            return Body(content)
    raise unsupported_media_type(_ACCEPTED)


def read_json(data: bytes) -> Body:
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError as err:
        raise bad_request(f"couldn't get version/kind; json parse error: {err}") from err
    _limit_shape(content)
    repeated = _repeated_names(data)
    if not repeated:
        return Body(content)
    if len(data) > _LOCATED_BYTES:
        return Body(content, tuple(f'{_DUPLICATE}"{name}"' for name in repeated))
    findings = parse_text(data.decode(), "", repeated=Severity.WARNING).findings
    return Body(content, _duplicates(findings))


def read_yaml(data: bytes) -> Body:
    """One document, with the booleans of YAML 1.1 (K-25); JSON too."""
    if data.lstrip()[:1] == b"{":
        return read_json(data)
    try:
        text = data.decode()
    except UnicodeDecodeError as err:
        raise bad_request(f"error decoding YAML: {err}") from err
    parsed = parse_text(text, "", repeated=Severity.WARNING)
    for finding in parsed.findings:
        if finding.severity is Severity.ERROR:
            raise bad_request(f"error decoding YAML: line {finding.line}: {finding.message}")
    if len(parsed.documents) != 1:
        raise bad_request(f"one YAML document is wanted, not {len(parsed.documents)}")
    content = parsed.documents[0].content
    _limit_shape(content)
    _refuse_unrepresentable(content)
    return Body(content, _duplicates(parsed.findings))


def as_document(body: Body, resource: Resource) -> Json:
    """The body as an object of this kind; what it leaves out of apiVersion and kind is given."""
    content = body.content
    if not isinstance(content, dict):
        raise bad_request("couldn't get version/kind; json parse error: an object is wanted")
    kind = content.get("kind") or resource.kind
    api_version = content.get("apiVersion") or resource.api_version
    if not isinstance(kind, str) or not isinstance(api_version, str):
        raise bad_request("couldn't get version/kind; json parse error: a string is wanted")
    if (kind, api_version) != (resource.kind, resource.api_version):
        raise _of_another_kind(kind, api_version, resource)
    if resource.message and has_null_items(content):
        content = without_null_items(content, resource.message)
    rest = {k: v for k, v in content.items() if k not in ("apiVersion", "kind")}
    document: Json = copy_json({"apiVersion": api_version, "kind": kind, **rest})
    return document


def _of_another_kind(kind: str, api_version: str, resource: Resource) -> ApiError:
    found = resource_of(api_version, kind)
    if found is not None and kind == resource.kind:
        return bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if found is not None:
        group = resource.group.partition(".")[0] or "core"
        why = f"converting ({found.version}.{kind}) to ({group}.{resource.kind}): "
        why += "unknown conversion"
    else:
        why = f'no kind "{kind}" is registered for version "{api_version}" in scheme "{_SCHEME}"'
    version = api_version.rpartition("/")[2]
    return bad_request(
        f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {why}'
    )


def check_fields(document: Json, resource: Resource) -> CheckedFields:
    """Compare with the field table; the document comes back without what the table lacks, its
    times as the server writes them."""
    if not resource.message:
        return CheckedFields(document)
    findings = check_message(document, resource.message, Positions(""))
    unknown = [f for f in findings if f.upstream.startswith(_UNKNOWN)]
    mistyped = [f for f in findings if not f.upstream.startswith(_UNKNOWN)]
    if unknown and not mistyped:
        document = copy_json(document)
        for finding in reversed(unknown):
            _remove(document, finding.path)
    if not mistyped:
        document = without_empty_values(document, resource.message)
        document = with_plain_times(document, resource.message)
    return CheckedFields(
        document,
        tuple(finding.upstream for finding in unknown),
        tuple(finding.upstream or finding.message for finding in mistyped),
    )


def checked_document(
    body: Body, resource: Resource, validation: FieldValidation
) -> tuple[Json, tuple[str, ...]]:
    """The document of a create or update, and what to warn of (K-47)."""
    checked = check_fields(as_document(body, resource), resource)
    if checked.mistyped:
        raise unhandled(resource, checked.mistyped[0])
    strict = (*body.duplicates, *checked.strict)
    if strict and validation is FieldValidation.STRICT:
        raise unhandled(resource, f"strict decoding error: {', '.join(strict)}")
    return checked.document, strict if validation is FieldValidation.WARN else ()


def unhandled(resource: Resource, why: str) -> ApiError:
    kind = resource.kind
    return bad_request(
        f'{kind} in version "{resource.version}" cannot be handled as a {kind}: {why}'
    )


def _remove(document: Any, path: FieldPath) -> None:
    *parents, last = path.parts
    for part in parents:
        name = _bare(part)
        document = document[int(name)] if isinstance(document, list) else document[name]
    document.pop(_bare(last), None)


def _bare(part: str) -> str:
    return part[1:-1] if part.startswith("[") else part.removeprefix(".")


def _duplicates(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    return tuple(f.upstream for f in findings if f.upstream.startswith(_DUPLICATE))


def _repeated_names(data: bytes) -> list[str]:
    """Names that an object of the text has twice."""
    found: dict[str, None] = {}

    def look(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) != len(pairs):
            counts = Counter(name for name, _ in pairs)
            found.update((name, None) for name, count in counts.items() if count > 1)

    json.loads(data, object_pairs_hook=look)
    return list(found)


def _limit_shape(content: Any) -> None:
    """Deeper or wider than any object of Kubernetes; what follows may recurse, and takes the time
    of others for each part."""
    level, parts = [content], 0
    for _ in range(_MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
        parts += len(level)
        if parts > MAX_PARTS:
            raise too_complex(MAX_PARTS)
        if not level:
            return
    raise bad_request(f"json parse error: nested deeper than {_MAX_DEPTH} levels")


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        return (item for item in value.values() if isinstance(item, dict | list))
    if isinstance(value, list):
        return (item for item in value if isinstance(item, dict | list))
    return iter(())


def _refuse_unrepresentable(content: Any) -> None:
    """YAML has numbers that JSON has not."""
    try:
        orjson.dumps(content)
    except TypeError as err:
        raise bad_request(f"error converting YAML to JSON: {err}") from err
