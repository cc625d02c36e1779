"""Which container of a Pod a command means when it is not told. Pure.

Upstream: kubectl pkg/cmd/util/podcmd.
"""

from __future__ import annotations

from minikubelet.manifest.json_tree import Json

_ANNOTATION = "kubectl.kubernetes.io/default-container"
_LISTS = (("containers", ""), ("initContainers", " (init)"), ("ephemeralContainers", " (ephem)"))


def container_names(pod: Json) -> list[str]:
    """Of all kinds, regular ones first."""
    spec = pod.get("spec") or {}
    return [str(c["name"]) for names, _ in _LISTS for c in spec.get(names) or ()]


def default_container(pod: Json) -> tuple[str, str]:
    """Its name, and what is to be told about the choice: nothing where there was none."""
    names = container_names(pod)
    annotated = (pod["metadata"].get("annotations") or {}).get(_ANNOTATION)
    if annotated in names:
        return str(annotated), ""
    if len(names) < 2:
        return names[0], ""
    spec = pod.get("spec") or {}
    others = ", ".join(
        f"{c['name']}{mark}" for listed, mark in _LISTS for c in spec.get(listed) or ()
    )
    return names[0], f'Defaulted container "{names[0]}" out of: {others}'
