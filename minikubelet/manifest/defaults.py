"""What Kubernetes fills in before it looks at a Pod.

Role: a Pod as written (JSON values) to the Pod as stored (JSON values): L-27 … L-32 and the
defaults of probes (L-31, V-3 … V-10), where 0 and "" mean the default.
Invariants: the input is never modified; applying twice gives the same; nothing that is written is
dropped, except nulls, which mean absent; optional structures that are absent stay absent.
Upstream: pkg/apis/core/v1/defaults.go. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from minikubelet.manifest.default_resources import default_resources
from minikubelet.manifest.json_tree import Json, copy_json, object_in, objects_in

_FILE_MODE = 0o644
_SERVICE_ACCOUNT_TOKEN_SECONDS = 3600
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_DOMAIN_LABEL = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_IMAGE = re.compile(
    rf"(?:{_DOMAIN_LABEL}(?:\.{_DOMAIN_LABEL})*(?::[0-9]+)?/)?{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,})?"
)


def apply_pod_defaults(document: Mapping[str, Any]) -> Json:
    """A Pod document with its defaults filled in; `document` has passed the strict check."""
    pod: Json = copy_json(document)
    spec = pod.setdefault("spec", {})
    if not isinstance(spec, dict):
        return pod
    for volume in objects_in(spec, "volumes"):
        _default_volume(volume)
    for kind in _CONTAINERS:
        for container in objects_in(spec, kind):
            _default_container(container)
    _default_spec(spec)
    default_resources(spec)
    if spec.get("hostNetwork") is True:
        _default_host_ports(spec)
    return pod


def fill_resources(spec: Json) -> None:
    """What a server adds: it shows the resources of each container, also where there are none."""
    for kind in _CONTAINERS:
        for container in objects_in(spec, kind):
            container.setdefault("resources", {})


def default_pull_policy(image: str) -> str:
    """`Always` for the tag `latest`, given or implied; else, and for no valid image (L-28)."""
    match = _IMAGE.fullmatch(image)
    if match is None:
        return "IfNotPresent"
    tag = match["tag"] or ("" if match["digest"] else "latest")
    return "Always" if tag == "latest" else "IfNotPresent"


def _fill(target: Json, **defaults: Any) -> None:
    """Set what is absent, "" or 0: for fields whose zero means "the default"."""
    for key, value in defaults.items():
        if target.get(key) in (None, "", 0):
            target[key] = value


def _default_spec(spec: Json) -> None:
    """L-27; `serviceAccount` is the old name of `serviceAccountName`."""
    _fill(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        schedulerName="default-scheduler",
    )
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("securityContext", {})
    spec.setdefault("enableServiceLinks", True)
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account


def _default_container(container: Json) -> None:
    """L-28, L-31 and what stands inside a container's fields."""
    image = container.get("image")
    _fill(
        container,
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy=default_pull_policy(image if isinstance(image, str) else ""),
    )
    for port in objects_in(container, "ports"):
        _fill(port, protocol="TCP")
    for variable in objects_in(container, "env"):
        if source := object_in(variable, "valueFrom"):
            _default_references(source)
            if file_key := object_in(source, "fileKeyRef"):
                file_key.setdefault("optional", False)
    for name in _PROBES:
        if (probe := object_in(container, name)) is not None:
            _fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
            _default_handler(probe)
    lifecycle = object_in(container, "lifecycle") or {}
    for name in _HOOKS:
        if (hook := object_in(lifecycle, name)) is not None:
            _default_handler(hook)


def _default_handler(handler: Json) -> None:
    if (http_get := object_in(handler, "httpGet")) is not None:
        _fill(http_get, path="/", scheme="HTTP")
    if (grpc := object_in(handler, "grpc")) is not None:
        grpc.setdefault("service", "")


def _default_references(source: Json) -> None:
    """The downward API's references, in env and in files."""
    if (field_ref := object_in(source, "fieldRef")) is not None:
        _fill(field_ref, apiVersion="v1")
    if (resource_ref := object_in(source, "resourceFieldRef")) is not None:
        resource_ref.setdefault("divisor", "0")


def _default_host_path(source: Json) -> None:
    source.setdefault("type", "")


def _default_mode(source: Json) -> None:
    source.setdefault("defaultMode", _FILE_MODE)


def _default_downward_api(source: Json) -> None:
    _default_mode(source)
    _default_downward_items(source)


def _default_downward_items(source: Json) -> None:
    for item in objects_in(source, "items"):
        _default_references(item)


def _default_projected(source: Json) -> None:
    _default_mode(source)
    for projection in objects_in(source, "sources"):
        if downward_api := object_in(projection, "downwardAPI"):
            _default_downward_items(downward_api)
        if (token := object_in(projection, "serviceAccountToken")) is not None:
            token.setdefault("expirationSeconds", _SERVICE_ACCOUNT_TOKEN_SECONDS)


def _default_image_volume(source: Json) -> None:
    reference = source.get("reference")
    policy = default_pull_policy(reference if isinstance(reference, str) else "")
    _fill(source, pullPolicy=policy)


_VOLUME_SOURCES: Mapping[str, Callable[[Json], None]] = {
    "hostPath": _default_host_path,
    "configMap": _default_mode,
    "secret": _default_mode,
    "downwardAPI": _default_downward_api,
    "projected": _default_projected,
    "image": _default_image_volume,
}


def _default_volume(volume: Json) -> None:
    """L-32: a volume without a source is an emptyDir."""
    if not volume.keys() - {"name"}:
        volume["emptyDir"] = {}
    for name, default_source in _VOLUME_SOURCES.items():
        if (source := object_in(volume, name)) is not None:
            default_source(source)


def _default_host_ports(spec: Json) -> None:
    """L-30: on the host's network a container's port is the host's port."""
    for kind in ("initContainers", "containers"):
        for container in objects_in(spec, kind):
            for port in objects_in(container, "ports"):
                if port.get("containerPort"):
                    _fill(port, hostPort=port["containerPort"])
