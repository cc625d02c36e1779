"""Objects as Tables: the columns that `kubectl get` prints (wire spec, section 9).

Role: which columns a kind has, a row per object. Pure.
Invariants: every row has as many cells as there are columns (K-61); documents are not changed, and
may be shared by the answer.
Upstream: kubernetes pkg/printers/internalversion, printers.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from minikubelet.apiserver import tables_core as core
from minikubelet.apiserver import tables_workloads as workloads
from minikubelet.apiserver.tables_cells import Column
from minikubelet.apiserver.tables_events import EVENT_COLUMNS, event_cells
from minikubelet.apiserver.tables_pod import POD_COLUMNS, pod_cells, pod_row_conditions
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import Resource
from minikubelet.value_class import dataclass

IncludeObject = Literal["Metadata", "Object", "None"]
Cells = Callable[[Json, datetime], list[Any]]


@dataclass(frozen=True, slots=True)
class _Printer:
    columns: tuple[Column, ...]
    cells: Cells
    row_conditions: Callable[[Json], list[Json]] = lambda document: []


_PODS = _Printer(POD_COLUMNS, pod_cells, pod_row_conditions)
_EVENTS = _Printer(EVENT_COLUMNS, event_cells)
_OTHERS = _Printer(core.OTHER_COLUMNS, core.other_cells)

_PRINTERS: Mapping[tuple[str, str], _Printer] = {
    ("", "Pod"): _PODS,
    ("", "Event"): _EVENTS,
    ("events.k8s.io", "Event"): _EVENTS,
    ("", "Node"): _Printer(core.NODE_COLUMNS, core.node_cells),
    ("", "Service"): _Printer(core.SERVICE_COLUMNS, core.service_cells),
    ("", "Endpoints"): _Printer(core.ENDPOINTS_COLUMNS, core.endpoints_cells),
    ("discovery.k8s.io", "EndpointSlice"): _Printer(
        core.ENDPOINT_SLICE_COLUMNS, core.endpoint_slice_cells
    ),
    ("", "ConfigMap"): _Printer(core.CONFIG_MAP_COLUMNS, core.config_map_cells),
    ("", "Secret"): _Printer(core.SECRET_COLUMNS, core.secret_cells),
    ("", "ServiceAccount"): _Printer(core.SERVICE_ACCOUNT_COLUMNS, core.service_account_cells),
    ("", "Namespace"): _Printer(core.NAMESPACE_COLUMNS, core.namespace_cells),
    ("coordination.k8s.io", "Lease"): _Printer(core.LEASE_COLUMNS, core.lease_cells),
    ("policy", "PodDisruptionBudget"): _Printer(
        core.DISRUPTION_BUDGET_COLUMNS, core.disruption_budget_cells
    ),
    ("batch", "Job"): _Printer(workloads.JOB_COLUMNS, workloads.job_cells),
    ("batch", "CronJob"): _Printer(workloads.CRON_JOB_COLUMNS, workloads.cron_job_cells),
    ("apps", "DaemonSet"): _Printer(workloads.DAEMON_SET_COLUMNS, workloads.daemon_set_cells),
    ("apps", "Deployment"): _Printer(workloads.DEPLOYMENT_COLUMNS, workloads.deployment_cells),
    ("apps", "ReplicaSet"): _Printer(workloads.REPLICA_SET_COLUMNS, workloads.replica_set_cells),
    ("apps", "StatefulSet"): _Printer(workloads.STATEFUL_SET_COLUMNS, workloads.stateful_set_cells),
    ("apps", "ControllerRevision"): _Printer(
        workloads.CONTROLLER_REVISION_COLUMNS, workloads.controller_revision_cells
    ),
    ("", "ReplicationController"): _Printer(
        workloads.REPLICA_SET_COLUMNS, workloads.replication_controller_cells
    ),
}


def table(
    resource: Resource,
    documents: Sequence[Json],
    *,
    include: IncludeObject,
    now: datetime,
    list_metadata: Json,
    version: str = "v1",
) -> Json:
    """The Table of some objects of a kind; `version` is that of meta.k8s.io (v1, v1beta1)."""
    printer = _PRINTERS.get((resource.group, resource.kind), _OTHERS)
    api_version = f"meta.k8s.io/{version}"
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": list_metadata,
        "columnDefinitions": [column.definition() for column in printer.columns],
        "rows": [_row(printer, document, include, api_version, now) for document in documents],
    }


def _row(
    printer: _Printer, document: Json, include: IncludeObject, api_version: str, now: datetime
) -> Json:
    row: Json = {"cells": printer.cells(document, now)}
    if conditions := printer.row_conditions(document):  # K-63
        row["conditions"] = conditions
    match include:  # K-60
        case "Object":
            row["object"] = document
        case "None":
            row["object"] = None
        case "Metadata":
            row["object"] = {
                "kind": "PartialObjectMetadata",
                "apiVersion": api_version,
                "metadata": document.get("metadata") or {},
            }
    return row
