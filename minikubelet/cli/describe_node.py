"""`kubectl describe node`. Pure. Upstream: kubectl 1.33 pkg/describe, describeNode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from minikubelet.cli.describe_text import NONE, Description, bool_text, metadata_of, time_text
from minikubelet.cli.event_text import age_of
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.quantity import Quantity, QuantityError, parse_quantity

_ROLE = "node-role.kubernetes.io/"
_UNSET = "<unset>"
_INFO = (
    ("Machine ID", "machineID"),
    ("System UUID", "systemUUID"),
    ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"),
    ("OS Image", "osImage"),
    ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"),
    ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
    ("Kube-Proxy Version", "kubeProxyVersion"),
)
_COUNTED = ("cpu", "memory", "ephemeral-storage")

Amounts = dict[str, Quantity]


def describe_node(
    node: Json, pods: Sequence[Json], lease: Json | str, events: Iterable[Json], now: datetime
) -> str:
    """`lease`: the object, or why there is none."""
    out = Description()
    _identity(out, node)
    _lease(out, lease)
    _conditions(out, node)
    status, spec = node.get("status") or {}, node.get("spec") or {}
    out.write("Addresses:\n")
    for address in status.get("addresses") or ():
        out.line(address.get("type", ""), address.get("address", ""), 1)
    for title in ("Capacity", "Allocatable"):
        amounts = status.get(title.lower()) or {}
        if amounts:
            out.write(f"{title}:\n")
        for name, amount in sorted(amounts.items()):
            out.line(name, amount, 1)
    out.write("System Info:\n")
    for title, key in _INFO:
        out.line(title, (status.get("nodeInfo") or {}).get(key, ""), 1)
    for title, value in (
        ("PodCIDR", spec.get("podCIDR")),
        ("PodCIDRs", ",".join(spec.get("podCIDRs") or ())),
        ("ProviderID", spec.get("providerID")),
    ):
        if value:
            out.line(title, value)
    _pods(out, pods, status.get("allocatable") or status.get("capacity") or {}, now)
    out.events(events, now)
    return out.text()


def _identity(out: Description, node: Json) -> None:
    metadata, spec = metadata_of(node), node.get("spec") or {}
    out.line("Name", metadata.get("name", ""))
    labels = metadata.get("labels") or {}
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)}
    if labels.get("kubernetes.io/role"):
        roles.add(labels["kubernetes.io/role"])
    out.line("Roles", ",".join(sorted(roles - {""})) or NONE)
    out.labels("Labels", labels)
    out.annotations(metadata.get("annotations"))
    out.line("CreationTimestamp", time_text(metadata.get("creationTimestamp")))
    taints = sorted(spec.get("taints") or (), key=lambda taint: taint.get("key", ""))
    out.listing("Taints", map(_taint, taints))
    out.line("Unschedulable", bool_text(spec.get("unschedulable")))


def _taint(taint: Json) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def _lease(out: Description, lease: Json | str) -> None:
    if isinstance(lease, str):
        out.line("Lease", f"Failed to get lease: {lease}")
        return
    spec = lease.get("spec") or {}
    out.write("Lease:\n")
    out.line("HolderIdentity", spec.get("holderIdentity") or _UNSET, 1)
    for title, key in (("AcquireTime", "acquireTime"), ("RenewTime", "renewTime")):
        out.line(title, time_text(spec[key]) if spec.get(key) else _UNSET, 1)


def _conditions(out: Description, node: Json) -> None:
    conditions = (node.get("status") or {}).get("conditions") or ()
    if not conditions:
        return
    out.write("Conditions:\n")
    out.write("Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n", 1)
    out.write("----\t------\t-----------------\t------------------\t------\t-------\n", 1)
    for condition in conditions:
        times = (
            time_text(condition.get(f"last{name}Time")) for name in ("Heartbeat", "Transition")
        )
        cells = [condition.get("type"), condition.get("status"), *times]
        cells += [condition.get("reason", ""), condition.get("message", "")]
        out.write(" \t".join(map(str, cells)) + "\n", 1)


def _pods(
    out: Description, pods: Sequence[Json], allocatable: Mapping[str, str], now: datetime
) -> None:
    whole = _amounts(allocatable)
    out.line("Non-terminated Pods", f"({len(pods)} in total)")
    out.write(
        "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n", 1
    )
    out.write(
        "---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n", 1
    )
    totals: dict[str, Amounts] = {"requests": {}, "limits": {}}
    for pod in pods:
        metadata = metadata_of(pod)
        sums = {which: _pod_sum(pod, which) for which in totals}
        cells = [
            _share(sums[which].get(name), whole.get(name))
            for name in ("cpu", "memory")
            for which in ("requests", "limits")
        ]
        for which, amounts in sums.items():
            _add(totals[which], amounts)
        age = age_of(metadata.get("creationTimestamp"), now)
        named = f"{metadata.get('namespace')}\t{metadata.get('name')}\t"
        out.write("\t".join([named, *cells, age]) + "\n", 1)
    out.write("Allocated resources:\n")
    out.write("(Total limits may be over 100 percent, i.e., overcommitted.)\n", 1)
    out.write("Resource\tRequests\tLimits\n", 1)
    out.write("--------\t--------\t------\n", 1)
    others = sorted(name for name in whole if name not in (*_COUNTED, "pods"))
    for name in (*_COUNTED, *others):
        used = (totals[which].get(name) for which in ("requests", "limits"))
        if name in _COUNTED or name.startswith("hugepages-"):
            cells = [_share(amount, whole.get(name)) for amount in used]
        else:
            cells = [str(amount or 0) for amount in used]
        out.write("\t".join([name, *cells]) + "\n", 1)


def _share(amount: Quantity | None, whole: Quantity | None) -> str:
    part, all_of_it = (amount.nano if amount else 0), (whole.nano if whole else 0)
    percent = int(part / all_of_it * 100) if all_of_it else 0
    return f"{amount or 0} ({percent}%)"


def _pod_sum(pod: Json, which: str) -> Amounts:
    """What all containers want together; a single init container may want more at its time."""
    spec = pod.get("spec") or {}
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _of(container, which))
    sidecars: Amounts = {}
    highest: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = _of(container, which)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            own = {}
        _add(own, sidecars)
        for name, amount in own.items():
            highest[name] = max(highest.get(name, amount), amount)
    for name, amount in highest.items():
        total[name] = max(total.get(name, amount), amount)
    return total


def _of(container: Json, which: str) -> Amounts:
    return _amounts((container.get("resources") or {}).get(which) or {})


def _amounts(given: Mapping[str, object]) -> Amounts:
    amounts: Amounts = {}
    for name, text in given.items():
        try:
            amounts[name] = parse_quantity(str(text))
        except QuantityError:
            continue
    return amounts


def _add(total: Amounts, amounts: Amounts) -> None:
    for name, amount in amounts.items():
        known = total.get(name)
        total[name] = Quantity(known.nano + amount.nano, known.format) if known else amount
