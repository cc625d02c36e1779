"""The patches of the API: JSON Patch, JSON Merge Patch, strategic merge patch, server-side apply.

Role: document and patch in, new document out. Pure.
"""

from minikubelet.store.patch.apply import server_side_apply
from minikubelet.store.patch.errors import (
    ApplyConflict,
    FieldConflict,
    PatchError,
    PatchTooLargeError,
)
from minikubelet.store.patch.managed_fields import record_update
from minikubelet.store.patch.plain import json_patch, merge_patch
from minikubelet.store.patch.strategic import strategic_merge_patch

__all__ = [
    "ApplyConflict",
    "FieldConflict",
    "PatchError",
    "PatchTooLargeError",
    "json_patch",
    "merge_patch",
    "record_update",
    "server_side_apply",
    "strategic_merge_patch",
]
