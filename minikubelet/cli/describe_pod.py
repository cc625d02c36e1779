"""`kubectl describe pod`, to the byte (lifecycle spec, section 28). Pure.

Upstream: kubectl 1.33 pkg/describe, describePod.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from minikubelet.cli.describe_containers import describe_containers, describe_resources
from minikubelet.cli.describe_text import (
    NONE,
    Description,
    controller_text,
    metadata_of,
    time_text,
)
from minikubelet.cli.describe_volumes import describe_volumes
from minikubelet.cli.event_text import age_of
from minikubelet.manifest.json_tree import Json

_TERMINAL = ("Succeeded", "Failed")


def describe_pod(pod: Json, events: Iterable[Json], now: datetime) -> str:
    out = Description()
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    _identity(out, pod, spec, status)
    _state(out, pod, spec, status, now)
    _all_containers(out, pod, spec, status)
    _gates_and_conditions(out, spec, status)
    describe_volumes(out, spec.get("volumes") or ())
    out.line("QoS Class", status.get("qosClass") or "BestEffort")
    out.labels("Node-Selectors", spec.get("nodeSelector"))
    tolerations = sorted(spec.get("tolerations") or (), key=lambda t: t.get("key") or "")
    out.listing("Tolerations", map(_toleration, tolerations))
    _spread(out, spec.get("topologySpreadConstraints") or ())
    out.events(events, now)
    return out.text()


def _identity(out: Description, pod: Json, spec: Json, status: Json) -> None:
    metadata = metadata_of(pod)
    out.line("Name", metadata.get("name", ""))
    out.line("Namespace", metadata.get("namespace", ""))
    if spec.get("priority") is not None:
        out.line("Priority", spec["priority"])
    for title, value in (
        ("Priority Class Name", spec.get("priorityClassName")),
        ("Runtime Class Name", spec.get("runtimeClassName")),
        ("Service Account", spec.get("serviceAccountName")),
    ):
        if value:
            out.line(title, value)
    node = spec.get("nodeName")
    out.line("Node", f"{node}/{status.get('hostIP', '')}" if node else NONE)
    if status.get("startTime"):
        out.line("Start Time", time_text(status["startTime"]))
    out.labels("Labels", metadata.get("labels"))
    out.annotations(metadata.get("annotations"))


def _state(out: Description, pod: Json, spec: Json, status: Json, now: datetime) -> None:
    metadata = metadata_of(pod)
    deleted = metadata.get("deletionTimestamp")
    if deleted and status.get("phase") not in _TERMINAL:
        out.line("Status", f"Terminating (lasts {age_of(deleted, now)})")
        grace = metadata.get("deletionGracePeriodSeconds") or 0
        out.line("Termination Grace Period", f"{grace}s")
    else:
        out.line("Status", status.get("phase", ""))
    for title, name in (("Reason", "reason"), ("Message", "message")):
        if status.get(name):
            out.line(title, status[name])
    profile = (spec.get("securityContext") or {}).get("seccompProfile")
    if profile:
        out.line("SeccompProfile", profile.get("type", ""))
        if profile.get("type") == "Localhost":
            out.line("LocalhostProfile", profile.get("localhostProfile", ""))
    out.line("IP", status.get("podIP", ""))
    if addresses := status.get("podIPs"):
        out.write("IPs:\n")
        for address in addresses:
            out.line("IP", address.get("ip", ""), 1)
    else:
        out.line("IPs", NONE)
    if controller := controller_text(pod):
        out.line("Controlled By", controller)
    if nominated := status.get("nominatedNodeName"):
        out.line("NominatedNodeName", nominated)


def _all_containers(out: Description, pod: Json, spec: Json, status: Json) -> None:
    if spec.get("resources") is not None:
        out.write("Resources:\n")
        describe_resources(out, spec["resources"], 1)
    for title, containers, statuses in (
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
    ):
        if spec.get(containers) or containers == "containers":
            describe_containers(
                out, title, pod, spec.get(containers) or (), status.get(statuses) or ()
            )


def _gates_and_conditions(out: Description, spec: Json, status: Json) -> None:
    conditions = status.get("conditions") or ()
    known = {condition.get("type"): condition.get("status") for condition in conditions}
    if gates := spec.get("readinessGates"):
        out.write("Readiness Gates:\n  Type\tStatus\n")
        for gate in gates:
            type = gate.get("conditionType")
            out.write(f"{type} \t{known.get(type, NONE)} \n", 1)
    if conditions:  # L-289
        out.write("Conditions:\n  Type\tStatus\n")
        for condition in conditions:
            out.write(f"{condition.get('type')} \t{condition.get('status')} \n", 1)


def _toleration(toleration: Json) -> str:
    key, value, effect = (toleration.get(name) or "" for name in ("key", "value", "effect"))
    text = key + (f"={value}" if value else "") + (f":{effect}" if effect else "")
    if toleration.get("operator") == "Exists" and not value:
        text += " op=Exists" if text else "op=Exists"
    if (seconds := toleration.get("tolerationSeconds")) is not None:
        text += f" for {seconds}s"
    return text


def _spread(out: Description, constraints: Iterable[Json]) -> None:
    ordered = sorted(constraints, key=lambda c: c.get("topologyKey") or "")
    if ordered:
        out.listing("Topology Spread Constraints", map(_constraint, ordered))


def _constraint(constraint: Json) -> str:
    text = (
        f"{constraint.get('topologyKey')}:{constraint.get('whenUnsatisfiable')} "
        f"when max skew {constraint.get('maxSkew')} is exceeded"
    )
    if (selector := constraint.get("labelSelector")) is None:
        return text
    labels = sorted((selector.get("matchLabels") or {}).items())
    return f"{text} for selector {','.join(f'{k}={v}' for k, v in labels) or NONE}"
