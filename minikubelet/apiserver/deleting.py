"""Delete objects: at once, in grace, or when their finalizers are gone.

Role: `plan_deletion` decides, purely; `ObjectDeleter` carries out (K-41 … K-45, L-241 … L-244).
Upstream: apiserver pkg/registry/rest/delete.go, pkg/registry/core/pod strategy.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from minikubelet.apiserver import option_rules
from minikubelet.apiserver.metadata import (
    FOREGROUND_FINALIZER,
    finalizers,
    timestamp,
    uid_of,
)
from minikubelet.apiserver.requests import Query, Target, integer, is_dry_run
from minikubelet.apiserver.responses import (
    ApiError,
    bad_request,
    forbidden,
    not_found,
    object_details,
)
from minikubelet.apiserver.services import ApiServices
from minikubelet.apiserver.strategies.kinds import strategy_of
from minikubelet.apiserver.writing import is_finished
from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.store.kinds import Resource
from minikubelet.store.objects import Key, StoredObject
from minikubelet.value_class import dataclass

PROTECTED_NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
_TERMINAL = ("Succeeded", "Failed")
_DEFAULT_GRACE_SECONDS = 30
_LONGEST_GRACE_SECONDS = 2**31
"""A longer one has no end that a date could tell."""


class Propagation(StrEnum):
    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    grace_period_seconds: int | None = None
    propagation: Propagation = Propagation.BACKGROUND
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Deleted:
    """`stored` is the last state of what was removed, or the marked object; None in a dry run."""

    document: Json
    removed: bool
    stored: StoredObject | None


def delete_options(body: Any, query: Query) -> DeleteOptions:
    """From a body, which may be empty, and the query (K-41)."""
    if body is None:
        body = {}
    if not isinstance(body, dict):
        raise bad_request("DeleteOptions: an object is wanted")
    if body.get("kind") not in (None, "", "DeleteOptions"):
        raise bad_request("decoded object cannot be converted to DeleteOptions")
    grace = body.get("gracePeriodSeconds")
    if grace is None:
        grace = integer(query, "gracePeriodSeconds")
    if grace is not None and (isinstance(grace, bool) or not isinstance(grace, int)):
        raise bad_request("DeleteOptions: gracePeriodSeconds: a number is wanted")
    preconditions = body.get("preconditions")
    preconditions = {} if preconditions is None else preconditions
    if not isinstance(preconditions, dict):
        raise bad_request("DeleteOptions: preconditions: an object is wanted")
    if not isinstance(body.get("dryRun", []), list | None):
        raise bad_request("DeleteOptions: dryRun: a list is wanted")
    asked_dry = query.getall("dryRun", [])
    propagation, orphan = _propagation(body, query), body.get("orphanDependents")
    for asked in (asked_dry, body.get("dryRun")):
        errors = option_rules.check_deletion(propagation, orphan, asked)
        option_rules.refuse("DeleteOptions", errors)
    by_default = Propagation.ORPHAN if orphan is True else Propagation.BACKGROUND
    return DeleteOptions(
        grace_period_seconds=grace,
        propagation=Propagation(propagation or by_default),
        uid=str(preconditions.get("uid") or ""),
        resource_version=str(preconditions.get("resourceVersion") or ""),
        dry_run=is_dry_run(body.get("dryRun")) or is_dry_run(asked_dry),
    )


def _propagation(body: Json, query: Query) -> str:
    """Empty for the default."""
    text = body.get("propagationPolicy")
    if text is not None and not isinstance(text, str):
        raise bad_request("DeleteOptions: propagationPolicy: a string is wanted")
    return text or query.get("propagationPolicy", "")


def plan_deletion(
    resource: Resource, document: Json, options: DeleteOptions, now: datetime, *, foreign: bool
) -> Json | None:
    """The document with its mark of deletion; None when it can be removed at once.

    `foreign`: a pod that is bound to a node which is not there; nobody would stop it.
    """
    meta: Json = copy_json(document["metadata"])
    document = {**document, "metadata": meta}
    if options.propagation is Propagation.FOREGROUND and not meta.get("deletionTimestamp"):
        meta["finalizers"] = [*dict.fromkeys([*finalizers(document), FOREGROUND_FINALIZER])]
    grace = 0
    if resource.storage == ("", "pods"):
        grace = 0 if foreign else _grace_of_pod(document, options)
    if meta.get("deletionTimestamp"):
        before = meta.get("deletionGracePeriodSeconds") or 0
        if grace < before and (options.grace_period_seconds is not None or grace == 0):
            marked_at = datetime.fromisoformat(meta["deletionTimestamp"]) - timedelta(
                seconds=before
            )
            meta["deletionTimestamp"] = timestamp(max(marked_at + timedelta(seconds=grace), now))
            meta["deletionGracePeriodSeconds"] = grace
    else:
        meta["deletionTimestamp"] = timestamp(now + timedelta(seconds=grace))
        meta["deletionGracePeriodSeconds"] = grace
        if "generation" in meta:
            meta["generation"] += 1
        if resource.storage == ("", "namespaces"):
            document["status"] = {**(document.get("status") or {}), "phase": "Terminating"}
    return None if is_finished(resource, document) else document


def _grace_of_pod(document: Json, options: DeleteOptions) -> int:
    """L-241."""
    spec, status = document.get("spec") or {}, document.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in _TERMINAL:
        return 0
    grace = options.grace_period_seconds
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS)
    return 1 if grace < 0 else min(int(grace), _LONGEST_GRACE_SECONDS)


def _unmet(target: Target, what: str, wanted: str, found: str, why: str) -> ApiError:
    """A precondition (K-41); upstream names the kind here rather than the resource."""
    resource, name = target.resource, target.name
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    message = (
        f'Operation cannot be fulfilled on {kind} "{name}": the {what} in the precondition '
        f"({wanted}) does not match the {what} in record ({found}). {why}"
    )
    details = {**object_details(resource, name), "kind": resource.kind}
    return ApiError(409, "Conflict", message, details=details)


class ObjectDeleter:
    def __init__(self, services: ApiServices) -> None:
        self._store = services.store
        self._now = services.clock.now
        self._node_name = services.node_name
        self.orphan_dependents: Callable[[str], None] = lambda uid: None
        """Set by whoever knows the dependents; called before their owner goes."""

    def delete(self, target: Target, options: DeleteOptions) -> Deleted:
        stored = self._store.get(target.key)
        if stored is None:
            raise not_found(target.resource, target.name)
        document = stored.document
        self._check(target, stored, options)
        foreign = self._is_foreign(target.resource, document)
        marked = plan_deletion(target.resource, document, options, self._now(), foreign=foreign)
        if options.dry_run:
            return Deleted(marked or document, marked is None, None)
        if options.propagation is Propagation.ORPHAN:
            self.orphan_dependents(uid_of(document))
        if marked is not None:
            stored = self._store.replace(target.key, marked)
        else:
            stored = self._store.remove(target.key)
        return Deleted(stored.document, marked is None, stored)

    def returns_object(self, resource: Resource) -> bool:
        """Whether the answer to a removal is the object rather than a Status."""
        return strategy_of(resource).returned_on_delete

    def _check(self, target: Target, stored: StoredObject, options: DeleteOptions) -> None:
        uid, version = uid_of(stored.document), str(stored.resource_version)
        if options.uid not in ("", uid):
            why = "The object might have been deleted and then recreated"
            raise _unmet(target, "UID", options.uid, uid, why)
        if options.resource_version not in ("", version):
            wanted, why = options.resource_version, "The object might have been modified"
            raise _unmet(target, "ResourceVersion", wanted, version, why)
        if target.resource.storage == ("", "namespaces") and target.name in PROTECTED_NAMESPACES:
            raise forbidden(target.resource, target.name, "this namespace may not be deleted")

    def _is_foreign(self, resource: Resource, document: Json) -> bool:
        node = (document.get("spec") or {}).get("nodeName")
        if resource.storage != ("", "pods") or not node or node == self._node_name:
            return False
        return self._store.get(Key("", "nodes", "", node)) is None
