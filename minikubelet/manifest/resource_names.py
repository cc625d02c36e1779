"""Kinds of resources by their names: native, huge pages, extended.

Role: what a resource name allows. Upstream: pkg/apis/core/helper. Pure.
"""

from __future__ import annotations

from minikubelet.manifest import names

COMPUTE = ("cpu", "memory")
HUGE_PAGES_PREFIX = "hugepages-"
_CONTAINER_RESOURCES = frozenset({*COMPUTE, "ephemeral-storage"})
_COUNTED = frozenset(
    {
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    }
)
_STANDARD = (
    _CONTAINER_RESOURCES
    | _COUNTED
    | {f"{kind}.{name}" for kind in ("limits", "requests") for name in _CONTAINER_RESOURCES}
    | {"storage", "requests.storage"}
)


def is_huge_pages(name: str) -> bool:
    return name.startswith(HUGE_PAGES_PREFIX)


def is_standard(name: str) -> bool:
    return name in _STANDARD or is_huge_pages(name)


def is_for_containers(name: str) -> bool:
    """Whether an unprefixed name may stand in a container's resources."""
    return name in _CONTAINER_RESOURCES or is_huge_pages(name)


def is_for_pods(name: str) -> bool:
    """Whether `spec.resources` may have it."""
    return name in COMPUTE or is_huge_pages(name)


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """A resource of a device plug-in, such as `nvidia.com/gpu`."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")


def is_counted(name: str) -> bool:
    """Whether only whole numbers make sense."""
    return name in _COUNTED or is_extended(name)


def is_overcommit_allowed(name: str) -> bool:
    """Whether the limit may be above the request."""
    return is_native(name) and not is_huge_pages(name)
