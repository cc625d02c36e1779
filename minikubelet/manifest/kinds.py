"""Which apiVersion and kind a document has, and whether they go together.

Role: name the message of the schema that a document is checked against, and explain what is wrong
with its apiVersion and kind: missing, misspelled, of another group, or removed from Kubernetes.
Invariants: pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from minikubelet.manifest.fieldpath import FieldPath, go_quote
from minikubelet.manifest.findings import Finding, Positions
from minikubelet.manifest.schema import Schema, load_schema
from minikubelet.manifest.suggest import nearest_name
from minikubelet.value_class import dataclass

_API_VERSION = FieldPath().child("apiVersion")
_KIND = FieldPath().child("kind")

LISTS = frozenset({"List", "PodList", "ConfigMapList", "SecretList"})
"""Kinds of apiVersion v1 whose items count as documents of their own."""


@dataclass(frozen=True, slots=True)
class _Removal:
    release: str
    successor: str = ""
    """The apiVersion that has the kind now; empty where nothing took its place."""


_REMOVED: Mapping[tuple[str, str], _Removal] = {
    ("batch/v2alpha1", "CronJob"): _Removal("1.21", "batch/v1"),
    ("batch/v1beta1", "CronJob"): _Removal("1.25", "batch/v1"),
    ("extensions/v1beta1", "Deployment"): _Removal("1.16", "apps/v1"),
    ("extensions/v1beta1", "DaemonSet"): _Removal("1.16", "apps/v1"),
    ("extensions/v1beta1", "ReplicaSet"): _Removal("1.16", "apps/v1"),
    ("extensions/v1beta1", "NetworkPolicy"): _Removal("1.16", "networking.k8s.io/v1"),
    ("extensions/v1beta1", "Ingress"): _Removal("1.22", "networking.k8s.io/v1"),
    ("extensions/v1beta1", "PodSecurityPolicy"): _Removal("1.16"),
    ("apps/v1beta1", "Deployment"): _Removal("1.16", "apps/v1"),
    ("apps/v1beta1", "StatefulSet"): _Removal("1.16", "apps/v1"),
    ("apps/v1beta2", "Deployment"): _Removal("1.16", "apps/v1"),
    ("apps/v1beta2", "DaemonSet"): _Removal("1.16", "apps/v1"),
    ("apps/v1beta2", "ReplicaSet"): _Removal("1.16", "apps/v1"),
    ("apps/v1beta2", "StatefulSet"): _Removal("1.16", "apps/v1"),
    ("networking.k8s.io/v1beta1", "Ingress"): _Removal("1.22", "networking.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", "IngressClass"): _Removal("1.22", "networking.k8s.io/v1"),
    ("policy/v1beta1", "PodDisruptionBudget"): _Removal("1.25", "policy/v1"),
    ("policy/v1beta1", "PodSecurityPolicy"): _Removal("1.25"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): _Removal("1.25", "autoscaling/v2"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): _Removal("1.26", "autoscaling/v2"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice"): _Removal("1.25", "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", "Event"): _Removal("1.25", "events.k8s.io/v1"),
    ("coordination.k8s.io/v1beta1", "Lease"): _Removal("1.22", "coordination.k8s.io/v1"),
}


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """What a document says it is; `message` is empty for a kind that the schema does not know."""

    api_version: str
    kind: str
    message: str
    findings: tuple[Finding, ...]


def identify(content: Mapping[str, object], positions: Positions) -> ObjectKind:
    """Read apiVersion and kind; a document with a wrong apiVersion is still known by its kind."""
    schema = load_schema()
    api_version, kind = content.get("apiVersion"), content.get("kind")
    findings = [
        finding
        for path, value in ((_API_VERSION, api_version), (_KIND, kind))
        if (finding := _check_text(path, value, content, schema, positions)) is not None
    ]
    version = api_version if isinstance(api_version, str) else ""
    name = kind if isinstance(kind, str) else ""
    message = _message_of(version, name, schema)
    if not findings and (version, name) not in schema.kinds and not is_list(version, name):
        findings += _explain(version, name, schema, positions)
    return ObjectKind(version, name, message, tuple(findings))


def is_list(api_version: str, kind: str) -> bool:
    return api_version == "v1" and kind in LISTS


def _message_of(api_version: str, kind: str, schema: Schema) -> str:
    if message := schema.kinds.get((api_version, kind)):
        return message
    versions = schema.api_versions(kind)
    return schema.kinds[versions[0], kind] if versions else ""


def _check_text(
    path: FieldPath,
    value: object,
    content: Mapping[str, object],
    schema: Schema,
    positions: Positions,
) -> Finding | None:
    if isinstance(value, str) and value:
        return None
    position = positions.at(path)
    if value is not None and value != "":
        message = "a string is wanted"
        return Finding.at(position, path, message, fix="write it in quotes")
    for name in content:
        if name != str(path) and nearest_name(name, [str(path)]):
            fix = f'did you mean "{path}" instead of "{name}"?'
            return Finding.at(position, path, "missing", fix=fix, upstream=f"{path} not set")
    if "services" in content:
        fix = "this looks like a Compose file; write the services as Pods"
        return Finding.at(position, path, "missing", fix=fix, upstream=f"{path} not set")
    if path == _KIND:
        guess = "Pod" if _has_containers(content) else ""
    else:
        guess = next(iter(schema.api_versions(str(content.get("kind")))), "")
    fix = f"write {path}: {guess}" if guess else f"add {path}: …"
    return Finding.at(position, path, "missing", fix=fix, upstream=f"{path} not set")


def _has_containers(content: Mapping[str, object]) -> bool:
    spec = content.get("spec")
    return isinstance(spec, dict) and "containers" in spec


def _explain(
    api_version: str, kind: str, schema: Schema, positions: Positions
) -> Iterator[Finding]:
    """Why the schema has no such kind; nothing for a kind of other groups, which may exist."""
    if removal := _REMOVED.get((api_version, kind)):
        yield Finding.at(
            positions.at(_API_VERSION),
            _API_VERSION,
            f"{api_version} {kind} was removed in Kubernetes {removal.release}",
            fix=f"use {removal.successor}" if removal.successor else "nothing took its place",
            upstream=_no_match(api_version, kind),
        )
        return
    if versions := schema.api_versions(kind):
        yield Finding.at(
            positions.at(_API_VERSION),
            _API_VERSION,
            f"no kind {kind} in {api_version}",
            fix=f"write apiVersion: {versions[0]}",
            upstream=_no_match(api_version, kind),
        )
        return
    kinds = [known for version, known in schema.kinds if version == api_version]
    if likely := nearest_name(kind, kinds):
        yield Finding.at(
            positions.at(_KIND),
            _KIND,
            f"no kind {kind} in {api_version}",
            fix=f'did you mean "{likely}"?',
            upstream=_no_match(api_version, kind),
        )


def _no_match(api_version: str, kind: str) -> str:
    return f"no matches for kind {go_quote(kind)} in version {go_quote(api_version)}"
