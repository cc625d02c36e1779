"""What the admission plugins of a cluster add to each pod.

Role: the tolerations that let a pod stay on a node that is lost for five minutes, and the priority
of its class. Upstream: plugin/pkg/admission, defaulttolerationseconds and priority. Differs: a
priority that a client gives is kept, since there are no priority classes to compute it from. Pure.
"""

from __future__ import annotations

from minikubelet.apiserver.strategies.strategy import Others
from minikubelet.manifest.json_tree import Json, objects_in

_TOLERATED_SECONDS = 300
_LOST = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PREEMPTION = "PreemptLowerPriority"
_CLASSES = {"": 0, "system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def admit_pod(pod: Json, old: Json | None, others: Others) -> Json:
    """`old` is None for a new pod. Changes and returns `pod`."""
    _add_tolerations(pod["spec"])
    if old is None:
        _set_priority(pod["spec"])
    else:
        # So that a manifest replaces the pod that was made of it.
        for name in ("priority", "preemptionPolicy"):
            if pod["spec"].get(name) is None and name in old["spec"]:
                pod["spec"][name] = old["spec"][name]
    return pod


def is_admitted(name: str, value: object) -> bool:
    """Whether this is a field of the spec as it stands in each pod that the server shows."""
    return (name, value) in (("priority", 0), ("preemptionPolicy", _PREEMPTION))


def _add_tolerations(spec: Json) -> None:
    given = list(objects_in(spec, "tolerations"))
    missing = [key for key in _LOST if not any(_tolerates(item, key) for item in given)]
    if missing:
        spec["tolerations"] = [*given, *map(_toleration, missing)]


def _tolerates(toleration: Json, key: str) -> bool:
    """As upstream asks: whatever the operator is."""
    return (toleration.get("key") or "") in ("", key) and (toleration.get("effect") or "") in (
        "",
        "NoExecute",
    )


def _toleration(key: str) -> Json:
    return {
        "key": key,
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": _TOLERATED_SECONDS,
    }


def _set_priority(spec: Json) -> None:
    priority = _CLASSES.get(spec.get("priorityClassName") or "")
    if spec.get("priority") is None and priority is not None:
        spec["priority"] = priority
    if spec.get("preemptionPolicy") is None and spec.get("priority") is not None:
        spec["preemptionPolicy"] = _PREEMPTION
