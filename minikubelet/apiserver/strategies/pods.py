"""Pods as they are created (L-27 … L-67, L-33, L-73).

Upstream: pkg/registry/core/pod strategy, pkg/apis/core/v1/defaults.go. Differs: fields that cannot
be had here refuse the pod, and those without effect are warned of. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.apiserver.metadata import validate_references
from minikubelet.apiserver.strategies.pod_admission import admit_pod, is_admitted
from minikubelet.apiserver.strategies.pod_update import validate_pod_update
from minikubelet.apiserver.strategies.pod_warnings import pod_warnings
from minikubelet.apiserver.strategies.strategy import Strategy
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.defaults import apply_pod_defaults, fill_resources
from minikubelet.manifest.fieldpath import FieldError, FieldPath, invalid
from minikubelet.manifest.findings import Finding, Positions
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.static_pods import CONFIG_MIRROR, is_mirror
from minikubelet.manifest.support import findings_of
from minikubelet.manifest.validate_pod import validate_pod
from minikubelet.pod.conditions import GATED_MESSAGE, SCHEDULING_GATED
from minikubelet.pod.qos import compute_qos_class

_DEFAULT_ACCOUNT = "default"
_PLACING = ("nodeName", "nodeSelector")


def complete_pod(document: Json) -> Json:
    """The defaults, and what clients rely on besides (K- section 8)."""
    pod = apply_pod_defaults(document)
    spec = pod["spec"]
    fill_resources(spec)
    if not is_mirror(pod) and not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = spec["serviceAccount"] = _DEFAULT_ACCOUNT
    return pod


def _initial_status(document: Json) -> Json | None:
    status: Json = {"phase": "Pending"}
    if document["spec"].get("schedulingGates"):
        status["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastTransitionTime": document["metadata"]["creationTimestamp"],
                "reason": SCHEDULING_GATED,
                "message": GATED_MESSAGE,
            }
        ]
    return status | {"qosClass": str(compute_qos_class(decode_pod(document)))}


def _validate(document: Json) -> Iterator[FieldError]:
    yield from validate_pod(decode_pod(document))
    yield from validate_references(document)
    if is_mirror(document) and not document["spec"].get("nodeName"):
        path = FieldPath().child("metadata", "annotations").key(CONFIG_MIRROR)
        mark = document["metadata"]["annotations"][CONFIG_MIRROR]
        yield invalid(path, mark, "must set spec.nodeName if mirror pod annotation is set")


def _findings(document: Json) -> tuple[Finding, ...]:
    """Of the spec: a client may send back the metadata and status that it was given (K-24). What
    places pods is honored by the node of a daemon (L-69 … L-73)."""
    spec: Json = document.get("spec") or {}
    kept = {
        name: value
        for name, value in spec.items()
        if name not in _PLACING and not is_admitted(name, value)
    }
    return findings_of({"spec": kept}, Positions(""))


PODS = Strategy(
    complete=complete_pod,
    admit=admit_pod,
    initial_status=_initial_status,
    validate=_validate,
    validate_update=validate_pod_update,
    revalidates=False,
    findings=_findings,
    warnings=pod_warnings,
    has_status=True,
    counts_generation=True,
    returned_on_delete=True,
)
