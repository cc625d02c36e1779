"""The table of kinds that the API serves.

Role: what discovery tells, what a path means, under which name objects are stored.
Invariants: pure; a (group, version, plural) and an (apiVersion, kind) occur once.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from minikubelet.value_class import dataclass

ALL_VERBS = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)
_STATUS_VERBS = ("get", "patch", "update")


class Serving(Enum):
    """Where the answers come from."""

    STORED = auto()
    """Objects of the store."""
    COMPUTED = auto()
    """Made for each request: metrics, reviews."""
    EMPTY = auto()
    """Listed so that `get all` and `describe` stay quiet: empty on read, 501 on write."""


@dataclass(frozen=True, slots=True)
class Subresource:
    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    """Of the kind, where it lives elsewhere than its resource; together with `version`."""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind at one version."""

    group: str = ""
    version: str = "v1"
    plural: str
    kind: str
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    message: str = ""
    """In the field table (`manifest/schema.py`); empty where the table lacks the kind."""
    serving: Serving = Serving.STORED
    stored_as: tuple[str, str] | None = None
    """(group, plural) of the objects, where it is another resource's."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        return f"{self.kind}List"

    @property
    def singular_name(self) -> str:
        return self.singular or self.kind.lower()

    @property
    def group_resource(self) -> str:
        """As messages name it: `pods`, `jobs.batch` (K-48)."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def storage(self) -> tuple[str, str]:
        """(group, plural) of its keys in the store."""
        return self.stored_as or (self.group, self.plural)

    def subresource(self, name: str) -> Subresource | None:
        return next((s for s in self.subresources if s.name == name), None)


def _status(kind: str) -> Subresource:
    return Subresource("status", kind, _STATUS_VERBS)


def _scale() -> Subresource:
    return Subresource("scale", "Scale", _STATUS_VERBS, "autoscaling", "v1")


_ALL = ("all",)

_CORE = (
    Resource(
        plural="pods",
        kind="Pod",
        short_names=("po",),
        categories=_ALL,
        message="core.Pod",
        subresources=(
            Subresource("attach", "PodAttachOptions", ("create", "get")),
            Subresource("binding", "Binding", ("create",)),
            Subresource("ephemeralcontainers", "Pod", _STATUS_VERBS),
            Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
            Subresource("exec", "PodExecOptions", ("create", "get")),
            Subresource("log", "Pod", ("get",)),
            Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
            Subresource("resize", "Pod", _STATUS_VERBS),
            _status("Pod"),
        ),
    ),
    Resource(
        plural="services",
        kind="Service",
        short_names=("svc",),
        categories=_ALL,
        message="core.Service",
        subresources=(_status("Service"),),
    ),
    Resource(plural="endpoints", kind="Endpoints", short_names=("ep",), message="core.Endpoints"),
    Resource(plural="events", kind="Event", short_names=("ev",), message="core.Event"),
    Resource(
        plural="nodes",
        kind="Node",
        namespaced=False,
        short_names=("no",),
        message="core.Node",
        subresources=(_status("Node"),),
    ),
    Resource(
        plural="namespaces",
        kind="Namespace",
        namespaced=False,
        short_names=("ns",),
        verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
        message="core.Namespace",
        subresources=(
            Subresource("finalize", "Namespace", ("update",)),
            _status("Namespace"),
        ),
    ),
    Resource(plural="configmaps", kind="ConfigMap", short_names=("cm",), message="core.ConfigMap"),
    Resource(plural="secrets", kind="Secret", message="core.Secret"),
    Resource(
        plural="serviceaccounts",
        kind="ServiceAccount",
        short_names=("sa",),
        message="core.ServiceAccount",
        subresources=(
            Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1"),
        ),
    ),
    Resource(
        plural="replicationcontrollers",
        kind="ReplicationController",
        short_names=("rc",),
        categories=_ALL,
        message="core.ReplicationController",
        subresources=(_scale(), _status("ReplicationController")),
        serving=Serving.EMPTY,
    ),
)

# `kubectl apply --prune` asks for these by default, too, and stops where one is not known.
_PRUNED = (
    Resource(
        plural="persistentvolumeclaims",
        kind="PersistentVolumeClaim",
        short_names=("pvc",),
        message="core.PersistentVolumeClaim",
        subresources=(_status("PersistentVolumeClaim"),),
        serving=Serving.EMPTY,
    ),
    Resource(
        plural="persistentvolumes",
        kind="PersistentVolume",
        namespaced=False,
        short_names=("pv",),
        subresources=(_status("PersistentVolume"),),
        serving=Serving.EMPTY,
    ),
    Resource(
        group="networking.k8s.io",
        plural="ingresses",
        kind="Ingress",
        short_names=("ing",),
        subresources=(_status("Ingress"),),
        serving=Serving.EMPTY,
    ),
)

_APPS = tuple(
    Resource(
        group="apps",
        plural=plural,
        kind=kind,
        short_names=short_names,
        categories=_ALL if short_names else (),
        message=f"apps.{kind}",
        subresources=subresources,
        serving=Serving.EMPTY,
    )
    for plural, kind, short_names, subresources in (
        ("deployments", "Deployment", ("deploy",), (_scale(), _status("Deployment"))),
        ("daemonsets", "DaemonSet", ("ds",), (_status("DaemonSet"),)),
        ("replicasets", "ReplicaSet", ("rs",), (_scale(), _status("ReplicaSet"))),
        ("statefulsets", "StatefulSet", ("sts",), (_scale(), _status("StatefulSet"))),
        ("controllerrevisions", "ControllerRevision", (), ()),
    )
)

_OTHER_GROUPS = (
    Resource(
        group="batch",
        plural="jobs",
        kind="Job",
        categories=_ALL,
        message="batch.Job",
        subresources=(_status("Job"),),
        serving=Serving.EMPTY,
    ),
    Resource(
        group="batch",
        plural="cronjobs",
        kind="CronJob",
        short_names=("cj",),
        categories=_ALL,
        message="batch.CronJob",
        subresources=(_status("CronJob"),),
        serving=Serving.EMPTY,
    ),
    Resource(
        group="events.k8s.io",
        plural="events",
        kind="Event",
        short_names=("ev",),
        message="events.Event",
        stored_as=("", "events"),
    ),
    Resource(
        group="discovery.k8s.io",
        plural="endpointslices",
        kind="EndpointSlice",
        message="discovery.EndpointSlice",
    ),
    Resource(
        group="coordination.k8s.io", plural="leases", kind="Lease", message="coordination.Lease"
    ),
    Resource(
        group="policy",
        plural="poddisruptionbudgets",
        kind="PodDisruptionBudget",
        short_names=("pdb",),
        message="policy.PodDisruptionBudget",
        subresources=(_status("PodDisruptionBudget"),),
        serving=Serving.EMPTY,
    ),
)

_COMPUTED = (
    *(
        Resource(
            group="authorization.k8s.io",
            plural=f"{kind.lower()}s",
            kind=kind,
            namespaced=False,
            verbs=("create",),
            message=f"authz.{kind}",
            serving=Serving.COMPUTED,
        )
        for kind in ("SelfSubjectAccessReview", "SelfSubjectRulesReview")
    ),
    *(
        Resource(
            group="authentication.k8s.io",
            version=version,
            plural="selfsubjectreviews",
            kind="SelfSubjectReview",
            namespaced=False,
            verbs=("create",),
            message="authn.SelfSubjectReview",
            serving=Serving.COMPUTED,
        )
        for version in ("v1", "v1beta1")
    ),
    Resource(
        group="metrics.k8s.io",
        version="v1beta1",
        plural="nodes",
        kind="NodeMetrics",
        namespaced=False,
        verbs=("get", "list"),
        serving=Serving.COMPUTED,
    ),
    Resource(
        group="metrics.k8s.io",
        version="v1beta1",
        plural="pods",
        kind="PodMetrics",
        verbs=("get", "list"),
        serving=Serving.COMPUTED,
    ),
)

RESOURCES: tuple[Resource, ...] = (*_CORE, *_PRUNED, *_APPS, *_OTHER_GROUPS, *_COMPUTED)
"""In the order of discovery."""

_BY_PATH: Mapping[tuple[str, str, str], Resource] = {
    (r.group, r.version, r.plural): r for r in RESOURCES
}
_BY_KIND: Mapping[tuple[str, str], Resource] = {(r.api_version, r.kind): r for r in RESOURCES}


def resource_at(group: str, version: str, plural: str) -> Resource | None:
    """What a path names; the group of core is empty."""
    return _BY_PATH.get((group, version, plural))


def known_resource(group: str, version: str, plural: str) -> Resource:
    """One that the table is known to have."""
    return _BY_PATH[group, version, plural]


def resource_of(api_version: str, kind: str) -> Resource | None:
    return _BY_KIND.get((api_version, kind))
