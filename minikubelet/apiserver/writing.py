"""Create and change objects by the rules of their kind.

Role: a document from a client → an object of the store: metadata, defaults, validation, dry run
(K-32 … K-36). Deletions are in `deleting.py`, patches in `patching.py`.
Invariants: nothing is awaited between reading an object and writing it, so no write is lost; a dry
run goes the same way and stops before the store. Who calls waits for `Written.resource_version` to
be durable before it answers.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from minikubelet.apiserver import metadata
from minikubelet.apiserver.bodies import Body, checked_document
from minikubelet.apiserver.ephemeral import validate_ephemeral_containers
from minikubelet.apiserver.parts import PARTS, with_part
from minikubelet.apiserver.plain_times import with_null_times
from minikubelet.apiserver.requests import Target, WriteOptions, version_number
from minikubelet.apiserver.resizing import validate_resize, with_new_resources
from minikubelet.apiserver.responses import (
    ApiError,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
)
from minikubelet.apiserver.services import ApiServices
from minikubelet.apiserver.strategies.events import served_form, stored_form, stored_message
from minikubelet.apiserver.strategies.kinds import strategy_of
from minikubelet.apiserver.strategies.strategy import Others, Strategy
from minikubelet.manifest.fieldpath import ErrorType, FieldError
from minikubelet.manifest.findings import Finding, Severity
from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.store.kinds import Resource, Serving
from minikubelet.store.objects import Key, StoredObject
from minikubelet.store.patch import PatchError, record_update
from minikubelet.value_class import dataclass

_NAME_ATTEMPTS = 8
_UNKNOWN_MANAGER = "unknown"
_WITH_TEMPLATE = frozenset(
    {f"apps.{kind}" for kind in ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet")}
    | {"batch.Job", "batch.CronJob", "core.ReplicationController"}
)


@dataclass(frozen=True, slots=True)
class Written:
    """What a write made; of a dry run `stored` is None."""

    document: Json
    stored: StoredObject | None = None
    created: bool = False
    warnings: tuple[str, ...] = ()


class ObjectWriter:
    def __init__(self, services: ApiServices) -> None:
        self._store = services.store
        self._identity = services.identity

    def create(self, target: Target, body: Body, options: WriteOptions) -> Written:
        require_stored(target.resource)
        document, warnings = checked_document(body, target.resource, options.field_validation)
        (document.get("metadata") or {}).pop("managedFields", None)
        return self.create_document(target, document, options, warnings)

    def create_document(
        self, target: Target, document: Json, options: WriteOptions, warnings: tuple[str, ...] = ()
    ) -> Written:
        resource, strategy = target.resource, strategy_of(target.resource)
        document = copy_json(stored_form(document, resource))
        for attempt in range(_NAME_ATTEMPTS):
            new = metadata.with_new_metadata(document, target, self._identity())
            self._require_namespace(target, metadata.name_of(new))
            if strategy.has_status:
                new.pop("status", None)
            findings = tuple(strategy.findings(new))
            if strategy.counts_generation:
                new["metadata"]["generation"] = 1
            name = metadata.name_of(new)
            others = self._others(target, name)
            new = strategy.admit(strategy.complete(new), None, others)
            errors = with_refusals(strategy.validate(new), findings)
            errors += () if errors else strategy.clashes(new, others)
            if errors:
                raise invalid(resource.group, resource.kind, name, errors)
            status = strategy.initial_status(new)
            if status is not None:
                new["status"] = status
            if self._store.get(target.key_of(name)) is None:
                break
            if (document.get("metadata") or {}).get("name") or attempt == _NAME_ATTEMPTS - 1:
                raise already_exists(resource, name)
        new = with_null_times(new, stored_message(resource))
        warnings = (*warnings, *strategy.warnings(new), *advice(findings))
        if options.dry_run:
            return Written(served_form(new, resource), None, True, warnings)
        stored = self._put(target.key_of(name), new, None)
        return Written(served_form(stored.document, resource), stored, True, warnings)

    def update(self, target: Target, body: Body, options: WriteOptions) -> Written:
        """A PUT (K-24, K-35)."""
        require_stored(target.resource)
        document, warnings = checked_document(body, target.resource, options.field_validation)
        stored = self._store.get(target.key)
        if stored is None:
            written = document.get("metadata") or {}
            if strategy_of(target.resource).creates_on_update and not target.subresource:
                metadata.check_place(written, target)
                meta = {**written, "name": written.get("name") or target.name}
                meta.pop("resourceVersion", None)
                return self.create_document(target, {**document, "metadata": meta}, options)
            raise not_found(target.resource, target.name)
        return self.change(target, stored, document, options, warnings)

    def change(
        self,
        target: Target,
        stored: StoredObject,
        document: Json,
        options: WriteOptions,
        warnings: tuple[str, ...] = (),
        *,
        applied: bool = False,
    ) -> Written:
        """Put `document` into the place of `stored`; both are complete objects. One that was
        `applied` says who owns its fields."""
        resource = target.resource
        check_version(document, stored, target)
        new = metadata.with_kept_metadata(
            copy_json(stored_form(document, resource)), stored.document, target
        )
        new, errors, findings = self._changed(target, new, stored.document)
        if errors:
            raise invalid(resource.group, resource.kind, target.name, errors)
        new = self._with_null_times(new, stored.document, target)
        new = self._with_owners(new, stored.document, target, options, applied)
        warnings = (*warnings, *advice(findings))
        if options.dry_run:
            return Written(served_form(new, resource), None, warnings=warnings)
        stored = self._put(target.key, new, stored)
        if is_finished(resource, stored.document):
            stored = self._store.remove(target.key)
        return Written(served_form(stored.document, resource), stored, warnings=warnings)

    def _changed(
        self, target: Target, new: Json, old: Json
    ) -> tuple[Json, list[FieldError], tuple[Finding, ...]]:
        """What the subresource lets through, with defaults, and what is wrong with it."""
        strategy = strategy_of(target.resource)
        if target.subresource in PARTS:
            new, part_errors = with_part(old, new, target)
            return new, part_errors, ()
        if target.subresource == "ephemeralcontainers":
            spec = {**old["spec"]}
            spec["ephemeralContainers"] = new["spec"].get("ephemeralContainers") or []
            new = _with_generation(strategy.complete({**copy_json(old), "spec": spec}), old)
            return new, list(validate_ephemeral_containers(new, old)), ()
        if target.subresource == "resize":
            new = _with_generation(with_new_resources(new, old), old)
            return new, list(validate_resize(new, old)), ()
        if strategy.has_status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        findings = _new_findings(strategy, new, old)
        others = self._others(target, target.name)
        new = strategy.admit(strategy.complete(new), old, others)
        errors = list(metadata.validate_metadata_update(new, old))
        if strategy.revalidates:
            errors += strategy.validate(new)
        errors += strategy.validate_update(new, old)
        errors += () if errors else strategy.clashes(new, others)
        if strategy.counts_generation:
            new = _with_generation(new, old)
        return new, with_refusals(errors, findings), findings

    def _with_null_times(self, new: Json, old: Json, target: Target) -> Json:
        """A status that the client could not write stays as it is, for else a change of nothing
        would be one (K-36)."""
        filled = with_null_times(new, stored_message(target.resource))
        own_status = strategy_of(target.resource).has_status and target.subresource != "status"
        return {**filled, "status": old["status"]} if own_status and "status" in old else filled

    def _others(self, target: Target, name: str) -> Others:
        """Looked for only where a kind asks."""
        me, storage = target.key_of(name), target.resource.storage
        return lambda: (s.document for s in self._store.list(storage) if s.key != me)

    def _with_owners(
        self, new: Json, old: Json, target: Target, options: WriteOptions, applied: bool
    ) -> Json:
        """With what the change does to the owners of fields; only objects that somebody applied
        have owners."""
        meta = new["metadata"]
        if not applied and "managedFields" in meta:
            try:
                return record_update(
                    old,
                    new,
                    manager=options.field_manager or _UNKNOWN_MANAGER,
                    message=stored_message(target.resource),
                    now=metadata.timestamp(self._identity().created_at),
                    subresource=target.subresource,
                )
            except PatchError:  # items without their keys: as upstream, the update is not refused
                meta["managedFields"] = old["metadata"].get("managedFields") or []
        if not meta.get("managedFields", True):
            del meta["managedFields"]
        return new

    def _put(self, key: Key, document: Json, stored: StoredObject | None) -> StoredObject:
        try:
            if stored is None:
                return self._store.create(key, document)
            return self._store.replace(key, document, expected=stored.resource_version)
        except orjson.JSONEncodeError as err:  # what JSON cannot carry
            raise bad_request(f"cannot store the object: {err}") from err

    def _require_namespace(self, target: Target, name: str) -> None:
        """K-34."""
        if not target.resource.namespaced:
            return
        namespace = self._store.get(Key("", "namespaces", "", target.namespace))
        if namespace is None:
            details = {"name": target.namespace, "kind": "namespaces"}
            message = f'namespaces "{target.namespace}" not found'
            raise ApiError(404, "NotFound", message, details=details)
        if namespace.document["metadata"].get("deletionTimestamp"):
            ending = f"namespace {target.namespace} is being terminated"
            raise forbidden(
                target.resource,
                name,
                f"unable to create new content in namespace {target.namespace} because it is "
                "being terminated",
                [
                    {
                        "reason": "NamespaceTerminating",
                        "message": ending,
                        "field": "metadata.namespace",
                    }
                ],
            )


def require_stored(resource: Resource) -> None:
    """Kinds that are only listed take no objects (wire spec, section 4)."""
    if resource.serving is Serving.STORED:
        return
    what = f"minikubelet does not run {resource.group_resource}"
    if resource.message in _WITH_TEMPLATE:
        what += " yet: create the Pods themselves, with the containers of the template"
    raise ApiError(501, "NotImplemented", what)


def check_version(document: Json, stored: StoredObject, target: Target) -> None:
    """A resourceVersion that the client names has to be the newest (K-35)."""
    wanted = str((document.get("metadata") or {}).get("resourceVersion") or "")
    number = version_number(wanted)
    if number is not None and number != stored.resource_version:
        raise conflict(target.resource, target.name)


def is_finished(resource: Resource, document: Json) -> bool:
    """Whether a marked object may go now, because nobody holds it any more."""
    meta = document["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers"):
        return False
    if resource.storage == ("", "namespaces"):
        return not (document.get("spec") or {}).get("finalizers")
    return not meta.get("deletionGracePeriodSeconds")


def with_refusals(errors: Iterable[FieldError], findings: Iterable[Finding]) -> list[FieldError]:
    """Besides upstream's errors what would be wrong to go on without."""
    errors = list(errors)
    named_already = {error.path for error in errors}
    return errors + [
        FieldError(finding.path, ErrorType.FORBIDDEN, _text(finding))
        for finding in findings
        if finding.severity is Severity.ERROR and finding.path not in named_already
    ]


def advice(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(
        f"{finding.path}: {_text(finding)}"
        for finding in findings
        if finding.severity is not Severity.ERROR
    )


def _text(finding: Finding) -> str:
    return f"{finding.message}; {finding.fix}" if finding.fix else finding.message


def _new_findings(strategy: Strategy, new: Json, old: Json) -> tuple[Finding, ...]:
    """Without what was said when the object was created."""
    before = {(finding.path, finding.message) for finding in strategy.findings(old)}
    return tuple(
        finding
        for finding in strategy.findings(new)
        if (finding.path, finding.message) not in before
    )


def _with_generation(new: Json, old: Json) -> Json:
    """One more when anything but metadata and status changed."""
    generation = old["metadata"].get("generation", 1)
    changed = any(
        new.get(key) != old.get(key)
        for key in new.keys() | old.keys()
        if key not in ("metadata", "status", "apiVersion", "kind")
    )
    return {**new, "metadata": {**new["metadata"], "generation": generation + changed}}
