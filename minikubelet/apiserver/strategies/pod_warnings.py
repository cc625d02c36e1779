"""What a new Pod is warned of though it is taken: kubectl shows it as `Warning: …`.

Role: a complete document → texts. Upstream: pkg/api/pod/warnings.go, WarningsOnCreate of the pod
strategy. Differs: nothing is said of volumes that are refused here. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import FieldPath, go_quote
from minikubelet.manifest.json_tree import Json, object_in, objects_in
from minikubelet.manifest.quantity import parse_quantity

_SPEC = FieldPath().child("spec")
_ANNOTATIONS = FieldPath().child("metadata", "annotations")
_KINDS = ("initContainers", "containers", "ephemeralContainers")
_OLD_LABELS: Mapping[str, str] = {
    f"beta.kubernetes.io/{name}": f'deprecated since v1.14; use "kubernetes.io/{name}" instead'
    for name in ("arch", "os")
} | {
    old: f'deprecated since v1.17; use "{new}" instead'
    for old, new in (
        ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
        ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
        ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    )
}
_OLD_ANNOTATIONS: Mapping[str, str] = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
    "security.alpha.kubernetes.io/unsafe-sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
}
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_OF_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_NO_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_BYTES = ("memory", "ephemeral-storage")
_NOBODY = "a null labelSelector results in matching no pod"
_NANO = 10**9


def pod_warnings(pod: Json) -> Iterator[str]:
    spec, meta = pod["spec"], pod["metadata"]
    if why := list(names.dns_label(str(meta.get("name") or ""))):
        yield (
            "metadata.name: this is used in the Pod's hostname, which can result in surprising "
            f"behavior; a DNS label is recommended: [{' '.join(why)}]"
        )
    yield from _of_places(spec)
    annotations = meta.get("annotations") or {}
    for key, text in _OLD_ANNOTATIONS.items():
        if key in annotations:
            yield f"{_ANNOTATIONS.key(key)}: {text}"
    yield from _repeated(spec, "hostAliases", "ip")
    yield from _repeated(spec, "imagePullSecrets", "name")
    for index, secret in enumerate(objects_in(spec, "imagePullSecrets")):
        if not secret.get("name"):
            path = _SPEC.child("imagePullSecrets").index(index).child("name")
            yield f'{path}: invalid empty name ""'
    if _SECCOMP in annotations and not _has_profile(spec):
        yield f"{_ANNOTATIONS.key(_SECCOMP)}: {_NO_SECCOMP}"
    for container, path in _containers(spec):
        key = _SECCOMP_OF_CONTAINER + str(container.get("name"))
        if key in annotations and not _has_profile(container):
            yield f"{_ANNOTATIONS.key(key)}: {_NO_SECCOMP}"
        yield from _of_fractions(container, path)
        yield from _of_environment(container, path)
    yield from _of_ports(spec)
    if int(spec.get("terminationGracePeriodSeconds") or 0) < 0:
        path = _SPEC.child("terminationGracePeriodSeconds")
        yield f"{path}: must be >= 0; negative values are invalid and will be treated as 1"


def _of_places(spec: Json) -> Iterator[str]:
    """Labels of nodes that have been renamed, and spreading that spreads nothing."""
    for key in sorted(spec.get("nodeSelector") or {}):
        if key in _OLD_LABELS:
            yield f"{_SPEC.child('nodeSelector').key(key)}: {_OLD_LABELS[key]}"
    for index, constraint in enumerate(objects_in(spec, "topologySpreadConstraints")):
        path = _SPEC.child("topologySpreadConstraints").index(index)
        key = str(constraint.get("topologyKey"))
        if key in _OLD_LABELS:
            yield f"{path.child('topologyKey')}: {key} is {_OLD_LABELS[key]}"
        if constraint.get("labelSelector") is None:
            yield f"{path.child('labelSelector')}: {_NOBODY}"


def _repeated(spec: Json, name: str, key: str) -> Iterator[str]:
    taken: set[str] = set()
    for index, item in enumerate(objects_in(spec, name)):
        value = str(item.get(key) or "")
        if value in taken:
            yield f"{_SPEC.child(name).index(index).child(key)}: duplicate {key} {go_quote(value)}"
        taken.add(value)


def _containers(spec: Json) -> Iterator[tuple[Json, FieldPath]]:
    for kind in _KINDS:
        for index, container in enumerate(objects_in(spec, kind)):
            yield container, _SPEC.child(kind).index(index)


def _has_profile(owner: Json) -> bool:
    return (object_in(owner, "securityContext") or {}).get("seccompProfile") is not None


def _of_fractions(container: Json, path: FieldPath) -> Iterator[str]:
    resources = container.get("resources") or {}
    for resource in _BYTES:
        for name in ("limits", "requests"):
            given = (resources.get(name) or {}).get(resource)
            if given is None:
                continue
            quantity = parse_quantity(str(given))
            if quantity.nano % _NANO:
                place = path.child("resources", name).key(resource)
                shown = go_quote(str(quantity))
                yield f"{place}: fractional byte value {shown} is invalid, must be an integer"


def _of_environment(container: Json, path: FieldPath) -> Iterator[str]:
    """A name again is fine where it builds on what the name was before."""
    taken: set[str] = set()
    for index, variable in enumerate(objects_in(container, "env")):
        name, value = str(variable.get("name") or ""), str(variable.get("value") or "")
        before = f"$({name})"
        builds = variable.get("valueFrom") is None and before in value and before != value
        if name in taken and not builds:
            place, quoted = path.child("env").index(index), go_quote(name)
            yield (
                f"{place}: hides previous definition of {quoted}, which may be dropped when using "
                "apply"
            )
        taken.add(name)


def _of_ports(spec: Json) -> Iterator[str]:
    seen: defaultdict[tuple[int, str], list[tuple[FieldPath, int, str]]] = defaultdict(list)
    for container, path in _containers(spec):
        for index, port in enumerate(objects_in(container, "ports")):
            place, number = path.child("ports").index(index), int(port.get("containerPort") or 0)
            protocol = str(port.get("protocol") or "TCP")
            host_port, host_ip = int(port.get("hostPort") or 0), str(port.get("hostIP") or "")
            if host_ip and not host_port:
                yield (
                    f"{place}: hostIP set without hostPort: {{Name:{port.get('name') or ''} "
                    f"HostPort:0 ContainerPort:{number} Protocol:{protocol} HostIP:{host_ip}}}"
                )
            for other, other_port, other_ip in seen[number, protocol]:
                if (host_ip, host_port) == (other_ip, other_port):
                    yield f"{place}: duplicate port definition with {other}"
                elif not host_port or not other_port:
                    yield f"{place}: overlapping port definition with {other}"
                elif host_port == other_port and bool(host_ip) != bool(other_ip):
                    yield f"{place}: dangerously ambiguous port definition with {other}"
            seen[number, protocol].append((place, host_port, host_ip))
