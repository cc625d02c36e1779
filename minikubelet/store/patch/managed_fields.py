"""`metadata.managedFields`: who set which fields.

Role: read and write its entries; note what updates of others take over. Pure.
Invariants: an entry without fields does not exist; entries stand in upstream's order, those of
appliers first.
Upstream: k8s.io/apimachinery pkg/util/managedfields. Differs: ownership is kept from the first
apply on, so that objects which nobody applies cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from minikubelet.manifest.json_tree import Json
from minikubelet.store.patch.errors import refuse_deep_nesting
from minikubelet.store.patch.field_sets import (
    FieldPath,
    from_fields_v1,
    owned_fields,
    to_fields_v1,
    with_parents,
)
from minikubelet.store.patch.plain import equal_json
from minikubelet.value_class import dataclass

APPLY = "Apply"
UPDATE = "Update"


@dataclass(frozen=True, slots=True)
class Owner:
    manager: str
    operation: str
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Ownership:
    api_version: str
    time: str
    fields: frozenset[FieldPath]


Owners = dict[Owner, Ownership]


@refuse_deep_nesting
def record_update(
    before: Json | None,
    after: Json,
    *,
    manager: str,
    message: str,
    now: str,
    subresource: str = "",
) -> Json:
    """`after` with the managedFields that an update (not an apply) leaves.

    For every create, update and patch of a client, as the last step before the store, with the
    defaults filled in. Fields that changed are the manager's from here on, and nobody else's.
    A client may set the entries itself; it clears them with an empty list.
    """
    owners = owners_of(before) if before else {}
    if before and (after.get("metadata") or {}).get("managedFields") is not None:
        owners = owners_of(after)
    if not before or not owners:
        return with_owners(after, {})
    old, new = owned_fields(before, message), owned_fields(after, message)
    changed = {path for path in new if path not in old or not equal_json(old[path], new[path])}
    lost = changed | (with_parents(old) - with_parents(new))
    if not lost:
        return with_owners(after, owners)
    me = Owner(manager, UPDATE, subresource)
    mine = owners.pop(me, Ownership("", "", frozenset()))
    kept = {
        owner: replace(ownership, fields=ownership.fields - lost)
        for owner, ownership in owners.items()
    }
    fields = (mine.fields - lost) | changed
    time = now if changed else mine.time
    return with_owners(after, kept | {me: Ownership(str(after.get("apiVersion")), time, fields)})


def owners_of(document: Json) -> Owners:
    """The entries of an object; those that are no entries are left out."""
    entries = (document.get("metadata") or {}).get("managedFields")
    owners: Owners = {}
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping) or entry.get("operation") not in (APPLY, UPDATE):
            continue
        owner = Owner(_text(entry, "manager"), entry["operation"], _text(entry, "subresource"))
        fields = from_fields_v1(entry.get("fieldsV1"))
        owners[owner] = Ownership(_text(entry, "apiVersion"), _text(entry, "time"), fields)
    return owners


def with_owners(document: Json, owners: Owners) -> Json:
    """The object with these entries; the rest is shared with `document`."""
    metadata = dict(document.get("metadata") or {})
    metadata.pop("managedFields", None)
    entries = list(_entries(owners))
    if entries:
        metadata["managedFields"] = entries
    return document | {"metadata": metadata}


def _entries(owners: Owners) -> Iterable[Json]:
    def rank(item: tuple[Owner, Ownership]) -> tuple[str, str, str, str]:
        owner, ownership = item
        return owner.operation, ownership.time, owner.manager, owner.subresource

    for owner, ownership in sorted(owners.items(), key=rank):
        if not ownership.fields:
            continue
        entry: Json = {
            "manager": owner.manager,
            "operation": owner.operation,
            "apiVersion": ownership.api_version,
            "time": ownership.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_fields_v1(ownership.fields),
        }
        if owner.subresource:
            entry["subresource"] = owner.subresource
        yield {name: value for name, value in entry.items() if value != ""}


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""
