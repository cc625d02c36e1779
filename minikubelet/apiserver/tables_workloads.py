"""The rows of kinds that make Pods from a template.

Role: columns and cells of jobs, cron jobs, daemon sets, deployments, replica sets and stateful
sets. Pure. Upstream: kubernetes pkg/printers/internalversion.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from minikubelet.apiserver.tables_cells import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    NONE,
    SELECTOR,
    Column,
    age,
    condition_is_true,
    labels_text,
    name,
    or_none,
    part,
    selector_text,
    since,
    template_containers,
)
from minikubelet.manifest.json_tree import Json
from minikubelet.pod.printer import age_text, parse_time

_READY = Column("Ready", "Pods that are ready, of those that are wanted.")

JOB_COLUMNS = (
    NAME,
    Column("Status", "How the job stands."),
    Column("Completions", "Pods that succeeded, of those that have to."),
    Column("Duration", "How long it took, or has taken so far."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
)
_JOB_CONDITIONS = ("Complete", "Failed", "", "Suspended", "FailureTarget")
"""In the order in which they count; the empty one is a deletion under way."""


def job_cells(document: Json, now: datetime) -> list[Any]:
    return [
        name(document),
        _job_status(document),
        _completions(part(document, "spec"), part(document, "status").get("succeeded") or 0),
        _duration(part(document, "status"), now),
        age(document, now),
        *template_containers(document),
        selector_text(part(document, "spec").get("selector")),
    ]


def _job_status(document: Json) -> str:
    deleted = bool(part(document, "metadata").get("deletionTimestamp"))
    for condition in _JOB_CONDITIONS:
        if deleted if not condition else condition_is_true(document, condition):
            return condition or "Terminating"
    return "Running"


def _completions(spec: Json, succeeded: int) -> str:
    if (completions := spec.get("completions")) is not None:
        return f"{succeeded}/{completions}"
    parallelism = spec.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _duration(status: Json, now: datetime) -> str:
    began = parse_time(status.get("startTime"))
    if began is None:
        return ""
    ended = parse_time(status.get("completionTime")) or now
    return age_text((ended - began).total_seconds())


CRON_JOB_COLUMNS = (
    NAME,
    Column("Schedule", "When it is due."),
    Column("Timezone", "Where that time counts."),
    Column("Suspend", "Whether it rests.", "boolean"),
    Column("Active", "Jobs of it that run now.", "integer"),
    Column("Last Schedule", "How long ago it was due last."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
)


def cron_job_cells(document: Json, now: datetime) -> list[Any]:
    spec, status = part(document, "spec"), part(document, "status")
    suspended = spec.get("suspend")
    last = parse_time(status.get("lastScheduleTime"))
    job = part(spec, "jobTemplate")
    return [
        name(document),
        spec.get("schedule", ""),
        or_none(spec.get("timeZone")),
        "<unset>" if suspended is None else str(bool(suspended)),
        len(status.get("active") or ()),
        NONE if last is None else since(last, now),
        age(document, now),
        *template_containers(job),
        selector_text(part(job, "spec").get("selector")),
    ]


DAEMON_SET_COLUMNS = (
    NAME,
    Column("Desired", "Nodes that should run a Pod of it.", "integer"),
    Column("Current", "Nodes that have a Pod of it.", "integer"),
    Column("Ready", "Nodes with a Pod of it that is ready.", "integer"),
    Column("Up-to-date", "Nodes with a Pod of the newest template.", "integer"),
    Column("Available", "Nodes with a Pod that has been ready for long enough.", "integer"),
    Column("Node Selector", "Labels of the nodes that it is for."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
)
_DAEMON_SET_COUNTS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
)


def daemon_set_cells(document: Json, now: datetime) -> list[Any]:
    status = part(document, "status")
    return [
        name(document),
        *(status.get(count) or 0 for count in _DAEMON_SET_COUNTS),
        labels_text(part(document, "spec", "template", "spec").get("nodeSelector")),
        age(document, now),
        *template_containers(document),
        selector_text(part(document, "spec").get("selector")),
    ]


DEPLOYMENT_COLUMNS = (
    NAME,
    _READY,
    Column("Up-to-date", "Pods of the newest template."),
    Column("Available", "Pods that have been ready for long enough."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
)


def deployment_cells(document: Json, now: datetime) -> list[Any]:
    status = part(document, "status")
    return [
        name(document),
        _ready(document),
        status.get("updatedReplicas") or 0,
        status.get("availableReplicas") or 0,
        age(document, now),
        *template_containers(document),
        selector_text(part(document, "spec").get("selector")),
    ]


def _ready(document: Json) -> str:
    ready = part(document, "status").get("readyReplicas") or 0
    return f"{ready}/{part(document, 'spec').get('replicas') or 0}"


REPLICA_SET_COLUMNS = (
    NAME,
    Column("Desired", "Pods that are wanted.", "integer"),
    Column("Current", "Pods that there are.", "integer"),
    Column("Ready", "Pods that are ready.", "integer"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
)


def replica_set_cells(document: Json, now: datetime) -> list[Any]:
    selector = part(document, "spec").get("selector")
    return [*_replicas(document, now), *template_containers(document), selector_text(selector)]


def replication_controller_cells(document: Json, now: datetime) -> list[Any]:
    """Its selector is a plain map."""
    selector = part(document, "spec").get("selector")
    return [*_replicas(document, now), *template_containers(document), labels_text(selector)]


def _replicas(document: Json, now: datetime) -> list[Any]:
    status = part(document, "status")
    return [
        name(document),
        part(document, "spec").get("replicas") or 0,
        status.get("replicas") or 0,
        status.get("readyReplicas") or 0,
        age(document, now),
    ]


STATEFUL_SET_COLUMNS = (NAME, _READY, AGE, CONTAINERS, IMAGES)


def stateful_set_cells(document: Json, now: datetime) -> list[Any]:
    return [name(document), _ready(document), age(document, now), *template_containers(document)]


CONTROLLER_REVISION_COLUMNS = (
    NAME,
    Column("Controller", "What it is a revision of."),
    Column("Revision", "Its number."),
    AGE,
)


def controller_revision_cells(document: Json, now: datetime) -> list[Any]:
    owners = part(document, "metadata").get("ownerReferences") or ()
    owner = next((entry for entry in owners if entry.get("controller")), None)
    controller = NONE
    if owner is not None:
        group, _, _ = owner.get("apiVersion", "").rpartition("/")
        kind = str(owner.get("kind", "")).lower()
        controller = (
            f"{kind}.{group}/{owner.get('name')}" if group else f"{kind}/{owner.get('name')}"
        )
    return [name(document), controller, document.get("revision", 0), age(document, now)]
