"""What happens to a pod of the API that no node has been chosen for.

Role: bind it to this node, or say why not. There is no other node, so only what a scheduler alone
looks at is asked here: gates, cordon and NoSchedule taints; the rest is admission's (L-69).
Invariants: pure; documents are copied, not changed.
Upstream: kube-scheduler, the plug-ins SchedulingGates, NodeUnschedulable and TaintToleration.
"""

from __future__ import annotations

from datetime import datetime

from minikubelet.manifest.decode_placement import decode_toleration
from minikubelet.manifest.decode_values import objects
from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.node.admission import NodeFacts
from minikubelet.node.node_match import Taint, untolerated
from minikubelet.pod.conditions import GATED_MESSAGE, SCHEDULING_GATED
from minikubelet.pod.encode_status import encode_time

_UNSCHEDULABLE = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
_PREEMPTION = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."


def why_unschedulable(pod: Json, node: NodeFacts) -> str | None:
    """The scheduler's message; None when the node will do."""
    tolerations = objects(pod["spec"], "tolerations", decode_toleration)
    if node.unschedulable and untolerated([_UNSCHEDULABLE], tolerations, ("NoSchedule",)):
        return f"0/1 nodes are available: 1 node(s) were unschedulable. {_PREEMPTION}"
    taint = untolerated(node.taints, tolerations, ("NoSchedule", "NoExecute"))
    if taint is not None:
        return (
            f"0/1 nodes are available: 1 node(s) had untolerated taint {{{taint}}}. {_PREEMPTION}"
        )
    return None


def bound(pod: Json, node_name: str, now: datetime) -> Json:
    """The pod on its node: `nodeName` and the condition PodScheduled."""
    bound_pod = with_scheduled_condition(pod, now, "True")
    return {**bound_pod, "spec": {**pod["spec"], "nodeName": node_name}}


def gated(pod: Json, now: datetime) -> Json:
    """L-73."""
    return with_scheduled_condition(pod, now, "False", SCHEDULING_GATED, GATED_MESSAGE)


def unschedulable(pod: Json, now: datetime, message: str) -> Json:
    return with_scheduled_condition(pod, now, "False", "Unschedulable", message)


def with_scheduled_condition(
    pod: Json, now: datetime, status: str, reason: str = "", message: str = ""
) -> Json:
    """The transition time moves only when the status does."""
    old: Json = pod.get("status") or {}
    conditions = list(objects_in(old, "conditions"))
    before = next((c for c in conditions if c.get("type") == "PodScheduled"), {})
    since = before.get("lastTransitionTime") if before.get("status") == status else None
    condition: Json = {
        "type": "PodScheduled",
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": since or encode_time(now),
    }
    condition |= {"reason": reason} if reason else {}
    condition |= {"message": message} if message else {}
    others = [c for c in conditions if c.get("type") != "PodScheduled"]
    return {**pod, "status": {"phase": "Pending", **old, "conditions": [*others, condition]}}
