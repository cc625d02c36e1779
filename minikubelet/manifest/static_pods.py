"""What makes a manifest of the static directory a static pod (L-9 … L-16).

Role: identity, annotations and refusals of static pods, and which pod of the node an object of the
API stands for.
Invariants: pure; the same content, node and path give the same UID.
Upstream: kubernetes pkg/kubelet/config/common.go, pkg/kubelet/types, pkg/util/pod.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from minikubelet.manifest.json_tree import Json, copy_json, objects_in

CONFIG_HASH = "kubernetes.io/config.hash"
CONFIG_SOURCE = "kubernetes.io/config.source"
CONFIG_SEEN = "kubernetes.io/config.seen"
CONFIG_MIRROR = "kubernetes.io/config.mirror"

_UID = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]{0,127}")

_SOURCES_OF_PROJECTIONS = (
    ("configMap", "configmaps (via projected volumes)"),
    ("secret", "secrets (via projected volumes)"),
    ("serviceAccountToken", "serviceaccounts (via projected volumes)"),
    ("clusterTrustBundle", "clustertrustbundles"),
    ("podCertificate", "podcertificates"),
)
_VOLUMES = (
    ("csi", "csidrivers (via CSI volumes)"),
    ("persistentVolumeClaim", "persistentvolumeclaims"),
    ("ephemeral", "persistentvolumeclaims (via ephemeral volumes)"),
    ("configMap", "configmaps (via configmap volumes)"),
    ("secret", "secrets (via secret volumes)"),
)


def static_uid(document: Json, node_name: str, path: str) -> str:
    """L-10: over the decoded Pod with its defaults, the node and the file."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    digest = hashlib.blake2b(digest_size=16)
    for part in (text, f"host:{node_name}", f"file:{path}"):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def as_static_pod(document: Json, node_name: str, path: str) -> Json:
    """`document`, which has its defaults and a name, as the static pod of this node (L-10 … L-13).

    `config.seen` is missing: `seen_at` sets it.
    """
    pod: Json = copy_json(document)
    meta: Json = pod["metadata"]
    meta["uid"] = uid = meta.get("uid") or static_uid(pod, node_name, path)
    meta["name"] = f"{meta['name']}-{node_name.lower()}"
    meta["namespace"] = meta.get("namespace") or "default"
    annotations = dict(meta.get("annotations") or {})
    meta["annotations"] = {**annotations, CONFIG_HASH: uid, CONFIG_SOURCE: "file"}
    spec: Json = pod["spec"]
    spec["nodeName"] = node_name
    tolerations = [t for t in objects_in(spec, "tolerations") if t != _TOLERATION]
    spec["tolerations"] = [*tolerations, dict(_TOLERATION)]
    pod["status"] = {"phase": "Pending"}
    return pod


_TOLERATION = {"operator": "Exists", "effect": "NoExecute"}


def seen_at(pod: Json, time: datetime) -> Json:
    """The pod with the time at which it was seen first (L-13), to nine digits."""
    text = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
    meta: Json = pod["metadata"]
    return {**pod, "metadata": {**meta, "annotations": {**meta["annotations"], CONFIG_SEEN: text}}}


def is_static(document: Json) -> bool:
    """L-14."""
    source = annotations_of(document).get(CONFIG_SOURCE)
    return source is not None and source != "api"


def is_mirror(document: Json) -> bool:
    return CONFIG_MIRROR in annotations_of(document)


def running_uid(document: Json) -> str:
    """The UID under which the node runs the pod that an object of the API stands for: a mirror's
    is its static pod's. An annotation that is no UID says nothing: anybody may write one."""
    uid = annotations_of(document).get(CONFIG_MIRROR) or ""
    return uid if is_uid(uid) else str(document["metadata"].get("uid") or "")


def is_uid(text: str) -> bool:
    """It names directories; Kubernetes takes any text."""
    return _UID.fullmatch(text) is not None


def annotations_of(document: Json) -> Mapping[str, str]:
    return document["metadata"].get("annotations") or {}


def api_object_used(document: Json) -> str | None:
    """What a static pod may not refer to, as upstream names it (L-16); None when all is well."""
    spec: Json = document.get("spec") or {}
    if spec.get("serviceAccountName") or spec.get("serviceAccount"):
        return "serviceaccounts"
    volumes = list(objects_in(spec, "volumes"))
    references = set(_used_by_containers(spec)) | set(_used_by_volumes(volumes))
    if "secrets" in references or spec.get("imagePullSecrets"):
        return "secrets"
    if "configmaps" in references:
        return "configmaps"
    if spec.get("resourceClaims"):
        return "resourceclaims"
    for volume in volumes:
        for key, what in _VOLUMES:
            if volume.get(key) is not None:
                return what
        for source in objects_in(volume.get("projected") or {}, "sources"):
            for key, what in _SOURCES_OF_PROJECTIONS:
                if source.get(key) is not None:
                    return what
    return None


def _used_by_containers(spec: Json) -> Iterator[str]:
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in objects_in(spec, group):
            for env in objects_in(container, "env"):
                source: Mapping[str, Any] = env.get("valueFrom") or {}
                yield from _named(source, "secretKeyRef", "configMapKeyRef")
            for source in objects_in(container, "envFrom"):
                yield from _named(source, "secretRef", "configMapRef")


def _used_by_volumes(volumes: list[Json]) -> Iterator[str]:
    for volume in volumes:
        yield from _named(volume, "secret", "configMap")
        for source in objects_in(volume.get("projected") or {}, "sources"):
            yield from _named(source, "secret", "configMap")


def _named(source: Mapping[str, Any], secret: str, config_map: str) -> Iterator[str]:
    if source.get(secret) is not None:
        yield "secrets"
    if source.get(config_map) is not None:
        yield "configmaps"
