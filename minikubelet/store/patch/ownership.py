"""What can be owned apart inside an object.

Role: which lists and objects server-side apply merges, and by which keys. Pure.
Upstream: the listType, listMapKey, mapType and structType marks of the API types. Most follow from
the merge keys of the field table; what does not is named here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from minikubelet.store.patch.errors import PatchError
from minikubelet.store.patch.places import Place

Keys = Mapping[str, Any]
"""The names of an item's keys and what an absent one stands for; None where it must be given."""

_CONTAINER_PORTS: Keys = {"containerPort": None, "protocol": "TCP"}
_KEYS: Mapping[tuple[str, str], Keys] = {
    ("core.Container", "ports"): _CONTAINER_PORTS,
    ("core.EphemeralContainerCommon", "ports"): _CONTAINER_PORTS,
    ("core.EphemeralContainer", "ports"): _CONTAINER_PORTS,
    ("core.ServiceSpec", "ports"): {"port": None, "protocol": "TCP"},
    ("core.PodSpec", "topologySpreadConstraints"): {
        "topologyKey": None,
        "whenUnsatisfiable": None,
    },
}
_ATOMIC_LISTS = frozenset({("core.PodStatus", "hostIPs"), ("core.PodStatus", "podIPs")})
_ATOMIC_MAPS = frozenset(
    {
        ("core.PodSpec", "nodeSelector"),
        ("core.ReplicationControllerSpec", "selector"),
        ("core.ServiceSpec", "selector"),
    }
)
_ATOMIC_OBJECTS = frozenset(
    {
        "core.ConfigMapKeySelector",
        "core.EndpointAddress",
        "core.EndpointPort",
        "core.FileKeySelector",
        "core.LocalObjectReference",
        "core.NodeSelector",
        "core.NodeSelectorTerm",
        "core.ObjectFieldSelector",
        "core.ObjectReference",
        "core.ResourceFieldSelector",
        "core.SecretKeySelector",
        "core.TypedLocalObjectReference",
        "discovery.EndpointPort",
        "meta.LabelSelector",
        "meta.OwnerReference",
    }
)


def list_keys(place: Place) -> Keys | None:
    """The keys by which the items of a list are owned; none for a set of plain values; None for a
    list that is owned whole."""
    if not place.merges_list or (place.owner, place.name) in _ATOMIC_LISTS:
        return None
    if (keys := _KEYS.get((place.owner, place.name))) is not None:
        return keys
    return {place.merge_key: None} if place.merge_key else {}


def is_whole(value: Any, place: Place) -> bool:
    """Whether a value is owned as one."""
    if isinstance(value, dict):
        if place.is_map:
            return (place.owner, place.name) in _ATOMIC_MAPS
        return place.message in _ATOMIC_OBJECTS
    return not isinstance(value, list) or list_keys(place) is None


def item_element(item: Any, keys: Keys, where: str) -> str:
    """An item's part of a path, as FieldsV1 writes it."""
    if not keys:
        return "v:" + _json(item)
    if not isinstance(item, dict):
        raise PatchError(f"{where}: expected map, got {_json(item)}")
    found: dict[str, Any] = {}
    for name, default in keys.items():
        value = item.get(name)
        if value is None:
            value = default
        if value is None:
            raise PatchError(
                f"{where}: an item of this list lacks its key field {json.dumps(name)}"
            )
        found[name] = value
    return "k:" + _json(found)


def path_text(path: tuple[str, ...]) -> str:
    """As conflicts name it: `.spec.containers[name="app"].image`."""
    return "".join(map(_element_text, path))


def _element_text(element: str) -> str:
    kind, _, rest = element.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        keys = ",".join(f"{name}={_json(value)}" for name, value in json.loads(rest).items())
        return f"[{keys}]"
    return f"[={rest}]"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
