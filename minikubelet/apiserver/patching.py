"""PATCH: the four kinds of patches over stored objects (K-35 … K-40).

Role: a patch of a media type → the changed object, written by the rules of `writing.py`.
Invariants: a patch meets the newest version of its object; server-side apply creates what is not
there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from minikubelet.apiserver import metadata
from minikubelet.apiserver.bodies import Body, as_document, check_fields, read_json, read_yaml
from minikubelet.apiserver.empty_values import without_empty_values
from minikubelet.apiserver.requests import FieldValidation, Target, WriteOptions
from minikubelet.apiserver.responses import (
    ApiError,
    bad_request,
    conflict,
    invalid,
    not_found,
    object_details,
    unsupported_media_type,
)
from minikubelet.apiserver.services import ApiServices
from minikubelet.apiserver.strategies.events import served_form
from minikubelet.apiserver.strategies.kinds import strategy_of
from minikubelet.apiserver.writing import ObjectWriter, Written, require_stored
from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.fieldpath import invalid as invalid_field
from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.store.kinds import Resource
from minikubelet.store.patch import (
    ApplyConflict,
    PatchError,
    PatchTooLargeError,
    json_patch,
    merge_patch,
    server_side_apply,
    strategic_merge_patch,
)

_JSON = "application/json-patch+json"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
APPLY_TYPE = "application/apply-patch+yaml"
_ACCEPTED = (_JSON, _MERGE, _STRATEGIC, APPLY_TYPE)
_MEMBERS = ("op", "path", "from", "value")


def read_patch(data: bytes, kind: str) -> Body:
    return read_yaml(data) if kind == APPLY_TYPE else read_json(data)


class ObjectPatcher:
    def __init__(self, services: ApiServices, writer: ObjectWriter) -> None:
        self._store = services.store
        self._identity = services.identity
        self._writer = writer

    def patch(
        self, target: Target, read: Callable[[], Body], kind: str, options: WriteOptions
    ) -> Written:
        """`kind` is the media type, `read` reads the body when it matters."""
        require_stored(target.resource)
        if kind == APPLY_TYPE:
            return self._apply(target, read(), options)
        if kind not in _ACCEPTED:
            raise unsupported_media_type(_ACCEPTED)
        stored = self._store.get(target.key)
        if stored is None:
            raise not_found(target.resource, target.name)
        body = read()
        current = served_form(stored.document, target.resource)
        patched = _patched(current, body.content, kind, target.resource)
        document, warnings = _checked(patched, body, kind, target.resource, options)
        return self._writer.change(target, stored, document, options, warnings)

    def _apply(self, target: Target, body: Body, options: WriteOptions) -> Written:
        """Server-side apply (K-40)."""
        resource = target.resource
        applied = self._applied(target, body, options)
        stored = self._store.get(target.key)
        if stored is None and target.subresource:
            raise not_found(resource, target.name)
        live = served_form(stored.document, resource) if stored else None
        try:
            merged = server_side_apply(
                live,
                applied,
                manager=options.field_manager,
                force=options.force,
                message=resource.message,
                now=metadata.timestamp(self._identity().created_at),
                subresource=target.subresource,
            )
        except ApplyConflict as err:
            details = object_details(resource, target.name)
            causes = {"causes": list(err.causes)}
            raise ApiError(409, "Conflict", err.message, details=details | causes) from err
        except PatchError as err:
            raise _refused(err) from err
        warnings = body.duplicates if options.field_validation is FieldValidation.WARN else ()
        if stored is None:
            if uid := (applied.get("metadata") or {}).get("uid"):
                why = f"uid mismatch: the provided object specified uid {uid}"
                raise conflict(resource, target.name, f"{why}, and no existing object was found")
            return self._writer.create_document(target, merged, options, warnings)
        merged["metadata"].setdefault("managedFields", [])
        return self._writer.change(target, stored, merged, options, warnings, applied=True)

    def _applied(self, target: Target, body: Body, options: WriteOptions) -> Json:
        resource = target.resource
        if body.duplicates and options.field_validation is FieldValidation.STRICT:
            raise bad_request(f"error strict decoding YAML: {', '.join(body.duplicates)}")
        applied: Json = copy_json(as_document(body, resource))
        checked = check_fields(applied, resource)
        if checked.mistyped or checked.strict:
            why = (*checked.mistyped, *(_not_declared(text) for text in checked.strict))[0]
            place = f"{target.namespace}/{target.name}"
            about = f"({place}; {resource.api_version}, Kind={resource.kind})"
            raise bad_request(f"failed to create typed patch object {about}: {why}")
        meta = applied.get("metadata") or {}
        if meta.get("name", target.name) != target.name:
            raise bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL "
                f"({target.name})"
            )
        applied["metadata"] = {**meta, "name": target.name}
        if strategy_of(resource).has_status and not target.subresource:
            applied.pop("status", None)  # not the client's to set here, nor to own (K-24)
        metadata.check_place(meta, target)
        if resource.namespaced:
            applied["metadata"]["namespace"] = target.namespace
        return without_empty_values(applied, resource.message) if resource.message else applied


def _patched(current: Json, patch: Any, kind: str, resource: Resource) -> Any:
    try:
        if kind == _JSON:
            if not isinstance(patch, list):
                raise bad_request("error decoding patch: json: a list of operations is wanted")
            return json_patch(current, patch)
        if not isinstance(patch, dict):
            raise bad_request("error decoding patch: json: an object is wanted")
        if kind == _MERGE:
            return merge_patch(current, patch)
        return strategic_merge_patch(current, patch, resource.message)
    except PatchTooLargeError as err:
        raise ApiError(413, "RequestEntityTooLarge", err.message) from err
    except PatchError as err:
        raise _refused(err) from err


def _refused(error: PatchError) -> ApiError:
    if not error.invalid:
        return bad_request(error.message)
    message = "the server rejected our request due to an error in our request"
    return ApiError(422, "Invalid", f"{message}: {error.message}")


def _checked(
    patched: Any, body: Body, kind: str, resource: Resource, options: WriteOptions
) -> tuple[Json, tuple[str, ...]]:
    """Of what the patch left unknown fields or wrong types are the patch's own."""
    document = as_document(Body(patched), resource)
    checked = check_fields(document, resource)
    given = _go_map(body.content) if kind == _STRATEGIC else orjson.dumps(patched).decode()
    path = FieldPath().child("patch")
    if checked.mistyped:
        raise invalid("", "", "", [invalid_field(path, given, checked.mistyped[0])])
    own = body.duplicates
    if kind == _JSON:
        own = tuple(f"json patch {text}" for text in (*own, *_unknown_members(body.content)))
    strict = (*own, *checked.strict)
    if strict and options.field_validation is FieldValidation.STRICT:
        why = f"strict decoding error: {', '.join(strict)}"
        raise invalid("", "", "", [invalid_field(path, given, why)])
    warned = strict if options.field_validation is FieldValidation.WARN else ()
    return checked.document, warned


def _unknown_members(operations: Any) -> Iterator[str]:
    """What an operation of a JSON patch does not know."""
    for index, operation in enumerate(operations):
        for name in operation:
            if name not in _MEMBERS:
                yield f'unknown field "[{index}].{name}"'


def _not_declared(unknown: str) -> str:
    """`unknown field "spec.x"` in the words of server-side apply."""
    path = unknown.partition('"')[2].removesuffix('"')
    return f".{path}: field not declared in schema"


def _go_map(value: Any) -> str:
    """As Go prints a map of a strategic merge patch: keys sorted, no quotes."""
    if isinstance(value, dict):
        members = (f"{key}:{_go_map(item)}" for key, item in sorted(value.items()))
        return f"map[{' '.join(members)}]"
    if isinstance(value, list):
        return f"[{' '.join(_go_map(item) for item in value)}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
