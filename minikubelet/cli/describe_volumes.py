"""The volumes of a described Pod (L-289). Pure. Upstream: kubectl 1.33 pkg/describe."""

from __future__ import annotations

from collections.abc import Iterable

from minikubelet.cli.describe_text import NONE, Description, bool_text
from minikubelet.manifest.json_tree import Json

_TYPES = {
    "hostPath": "HostPath (bare host directory volume)",
    "emptyDir": "EmptyDir (a temporary directory that shares a pod's lifetime)",
    "secret": "Secret (a volume populated by a Secret)",
    "configMap": "ConfigMap (a volume populated by a ConfigMap)",
    "downwardAPI": "DownwardAPI (a volume populated by information about the pod)",
    "projected": "Projected (a volume that contains injected data from multiple sources)",
}


def describe_volumes(out: Description, volumes: Iterable[Json]) -> None:
    volumes = list(volumes)
    out.write("Volumes:\n" if volumes else f"Volumes:\t{NONE}\n")
    for volume in volumes:
        out.write(f"{volume.get('name')}:\n", 1)
        kind = next((name for name in _TYPES if volume.get(name) is not None), None)
        if kind is None:
            out.write("<unknown>\n", 1)
            continue
        out.line("Type", _TYPES[kind], 2)
        _source(out, kind, volume[kind])


def _source(out: Description, kind: str, source: Json) -> None:
    match kind:
        case "hostPath":
            out.line("Path", source.get("path", ""), 2)
            out.line("HostPathType", NONE if source.get("type") is None else source["type"], 2)
        case "emptyDir":
            out.line("Medium", source.get("medium") or "", 2)
            out.line("SizeLimit", source.get("sizeLimit") or "<unset>", 2)
        case "secret":
            out.line("SecretName", source.get("secretName", ""), 2)
            out.line("Optional", bool_text(source.get("optional")), 2)
        case "configMap":
            out.line("Name", source.get("name", ""), 2)
            out.line("Optional", bool_text(source.get("optional")), 2)
        case "downwardAPI":
            out.write("Items:\n", 2)
            _items(out, source.get("items") or ())
        case "projected":
            for projection in source.get("sources") or ():
                _projection(out, projection)


def _items(out: Description, items: Iterable[Json]) -> None:
    for item in items:
        field = (item.get("fieldRef") or {}).get("fieldPath")
        resource = (item.get("resourceFieldRef") or {}).get("resource")
        for path in filter(None, (field, resource)):
            out.write(f"{path} -> {item.get('path')}\n", 3)


def _projection(out: Description, projection: Json) -> None:
    if secret := projection.get("secret"):
        out.line("SecretName", secret.get("name", ""), 2)
        out.line("Optional", bool_text(secret.get("optional")), 2)
    elif projection.get("downwardAPI") is not None:
        out.line("DownwardAPI", "true", 2)
    elif config_map := projection.get("configMap"):
        out.line("ConfigMapName", config_map.get("name", ""), 2)
        out.line("Optional", bool_text(config_map.get("optional")), 2)
    elif token := projection.get("serviceAccountToken"):
        out.line("TokenExpirationSeconds", token.get("expirationSeconds", 3600), 2)
