"""`metadata`: what the server sets, what may change, and what it has to look like (K-32, K-33).

Role: documents → documents and field errors. Pure; identity and time come from the caller.
Upstream: apiserver pkg/registry/rest (BeforeCreate, BeforeUpdate), apimachinery
pkg/api/validation/objectmeta.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from minikubelet.apiserver.requests import Target
from minikubelet.apiserver.responses import ApiError, bad_request, conflict
from minikubelet.manifest import names
from minikubelet.manifest.admit import Identity
from minikubelet.manifest.decode import decode_object_meta
from minikubelet.manifest.fieldpath import FieldError, FieldPath, forbidden, invalid
from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.manifest.names import generated_name
from minikubelet.manifest.validate_metadata import NameRule, validate_object_meta

_PATH = FieldPath().child("metadata")
_SET_BY_SERVER = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)
_KEPT = ("deletionTimestamp", "deletionGracePeriodSeconds", "generation")
_IMMUTABLE = "field is immutable"
FOREGROUND_FINALIZER = "foregroundDeletion"
ORPHAN_FINALIZER = "orphan"
_STANDARD_FINALIZERS = frozenset({"kubernetes", FOREGROUND_FINALIZER, ORPHAN_FINALIZER})


def timestamp(time: datetime) -> str:
    """RFC 3339 in seconds (K-33)."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def name_of(document: Json) -> str:
    return str(document["metadata"].get("name") or "")


def uid_of(document: Json) -> str:
    return str(document["metadata"].get("uid") or "")


def with_new_metadata(document: Json, target: Target, identity: Identity) -> Json:
    """`document` as it is created; raises ApiError where it does not fit the path."""
    written: Json = document.get("metadata") or {}
    if written.get("resourceVersion", "") not in ("", "0"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    check_place(written, target)
    meta: Json = {}
    name = written.get("name") or ""
    if not name and written.get("generateName"):
        name = generated_name(written["generateName"], identity.name_suffix())
    if name:
        meta["name"] = name
    if written.get("generateName"):
        meta["generateName"] = written["generateName"]
    if target.resource.namespaced:
        meta["namespace"] = target.namespace
    meta["uid"] = identity.new_uid()
    meta["creationTimestamp"] = timestamp(identity.created_at)
    given = {key: value for key, value in written.items() if key not in _SET_BY_SERVER}
    meta |= {key: value for key, value in given.items() if key not in ("name", "namespace")}
    return _in_order(document, meta)


def with_kept_metadata(document: Json, stored: Json, target: Target) -> Json:
    """`document` as it replaces `stored`: what a client cannot change is the stored one's."""
    written: Json = document.get("metadata") or {}
    old: Json = stored["metadata"]
    check_place(written, target)
    if not written.get("name"):
        why = f"the name of the object ({target.name} based on URL) was undeterminable"
        raise bad_request(f"{why}: name must be provided")
    if written["name"] != target.name:
        raise bad_request(
            f"the name of the object ({written['name']}) does not match the name on the URL "
            f"({target.name})"
        )
    check_uid(str(written.get("uid") or ""), stored, target)
    meta = {"name": old["name"]}
    for key in ("generateName", "namespace", "uid"):
        if key in old:
            meta[key] = written.get(key) or old[key]
    if "creationTimestamp" in old:  # as upstream, another one is ignored
        meta["creationTimestamp"] = old["creationTimestamp"]
    meta |= {key: value for key, value in written.items() if key not in meta}
    for key in (*_KEPT, "selfLink", "resourceVersion"):
        meta.pop(key, None)
    meta |= {key: old[key] for key in (*_KEPT, "resourceVersion") if key in old}
    if "managedFields" in old and "managedFields" not in meta:
        meta["managedFields"] = old["managedFields"]
    return _in_order(document, meta)


def check_place(written: Json, target: Target) -> None:
    """A namespace in the body has to be the path's; at cluster scope it does not count."""
    namespace = written.get("namespace") or ""
    if target.resource.namespaced and namespace not in ("", target.namespace):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def check_uid(uid: str, stored: Json, target: Target) -> None:
    """A UID that a client names has to be the stored one's."""
    if uid not in ("", uid_of(stored)):
        raise precondition_failed(target, "UID", uid, uid_of(stored))


def precondition_failed(target: Target, what: str, wanted: str, found: str) -> ApiError:
    why = f"{what} in precondition: {wanted}, {what} in object meta: {found}"
    return conflict(target.resource, target.name, f"Precondition failed: {why}")


def validate_metadata(
    document: Json, name_rule: NameRule = names.dns_subdomain
) -> Iterator[FieldError]:
    """Rules for every kind; `validate_pod` and its like have the first part of their own."""
    meta = decode_object_meta(document["metadata"])
    yield from validate_object_meta(meta, _PATH, name_rule)
    yield from validate_references(document)


def validate_references(document: Json) -> Iterator[FieldError]:
    """Owner references and finalizers."""
    meta = document["metadata"]
    path = _PATH.child("ownerReferences")
    references, controller = list(objects_in(meta, "ownerReferences")), ""
    for reference in references:
        yield from _validate_reference(reference, path)
        if not reference.get("controller"):
            continue
        name = f"{reference.get('kind')}/{reference.get('name')}"
        if controller:
            detail = (
                'Only one reference can have Controller set to true. Found "true" in references '
                f"for {controller} and {name}"
            )
            yield invalid(path, references, detail)
        controller = controller or name
    yield from _validate_finalizers(finalizers(document))


def _validate_reference(reference: Json, path: FieldPath) -> Iterator[FieldError]:
    version = str(reference.get("apiVersion") or "")
    if not version or version.count("/") > 1:
        yield invalid(path.child("apiVersion"), version, "version must not be empty")
    for name in ("kind", "name", "uid"):
        if not reference.get(name):
            yield invalid(path.child(name), "", f"{name} must not be empty")
    if (version, reference.get("kind")) == ("v1", "Event"):
        yield invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner")


def _validate_finalizers(given: list[str]) -> Iterator[FieldError]:
    path = _PATH.child("finalizers")
    for finalizer in given:
        for detail in names.qualified_name(finalizer):
            yield invalid(path, finalizer, detail)
    if FOREGROUND_FINALIZER in given and ORPHAN_FINALIZER in given:
        detail = f"finalizer {ORPHAN_FINALIZER} and {FOREGROUND_FINALIZER} cannot be both set"
        yield invalid(path, given, detail)
    for index, finalizer in enumerate(given):
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid(path.index(index), finalizer, detail)


def validate_metadata_update(new: Json, old: Json) -> Iterator[FieldError]:
    new_meta, old_meta = new["metadata"], old["metadata"]
    for key in ("uid", "name", "namespace"):
        if new_meta.get(key) != old_meta.get(key):
            yield invalid(_PATH.child(key), new_meta.get(key), _IMMUTABLE)
    if old_meta.get("deletionTimestamp"):
        added = sorted(set(finalizers(new)) - set(finalizers(old)))
        if added:
            listed = ", ".join(f'"{name}"' for name in added)
            yield forbidden(
                _PATH.child("finalizers"),
                "no new finalizers can be added if the object is being deleted, found new "
                f"finalizers []string{{{listed}}}",
            )


def finalizers(document: Json) -> list[str]:
    return list(document["metadata"].get("finalizers") or ())


def _in_order(document: Json, meta: Json) -> Json:
    rest = {k: v for k, v in document.items() if k not in ("apiVersion", "kind", "metadata")}
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": meta,
        **rest,
    }
