"""Subresources that write one part of an object: `status`, and `finalize` of namespaces.

Role: the old object and the new one → what the subresource lets through. Pure.
Upstream: the status strategies in pkg/registry/core. They take the metadata too: clients annotate
an object while they write its status. Only a Pod keeps its owners.
"""

from __future__ import annotations

from collections.abc import Mapping

from minikubelet.apiserver.metadata import validate_metadata, validate_metadata_update
from minikubelet.apiserver.requests import Target
from minikubelet.manifest.fieldpath import FieldError
from minikubelet.manifest.json_tree import Json

PARTS: Mapping[str, str] = {"status": "status", "finalize": "spec"}
"""What each writes."""
_OWNERS = "ownerReferences"


def with_part(old: Json, new: Json, target: Target) -> tuple[Json, list[FieldError]]:
    part = PARTS[target.subresource]
    rest = {key: value for key, value in old.items() if key not in (part, "metadata")}
    meta = new["metadata"]
    if target.resource.storage == ("", "pods"):
        meta = {key: value for key, value in meta.items() if key != _OWNERS}
        meta |= {key: value for key, value in old["metadata"].items() if key == _OWNERS}
    changed = {**rest, "metadata": meta, part: new.get(part) or {}}
    errors = [*validate_metadata(changed), *validate_metadata_update(changed, old)]
    return changed, errors
