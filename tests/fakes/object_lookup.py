"""ConfigMaps and Secrets in a dictionary."""

from __future__ import annotations

from collections.abc import Mapping

from minikubelet.manifest.meta import ConfigMap, ObjectMeta, Secret


class FakeObjectLookup:
    """Objects of one namespace; tests change `config_maps` and `secrets` as users would."""

    def __init__(self, namespace: str = "default") -> None:
        self.config_maps: dict[str, ConfigMap] = {}
        self.secrets: dict[str, Secret] = {}
        self._namespace = namespace

    def put_config_map(self, name: str, data: Mapping[str, str], **binary: bytes) -> None:
        meta = ObjectMeta(name=name, namespace=self._namespace)
        self.config_maps[name] = ConfigMap(meta, data, binary)

    def put_secret(self, name: str, data: Mapping[str, bytes]) -> None:
        meta = ObjectMeta(name=name, namespace=self._namespace)
        self.secrets[name] = Secret(meta, data)

    def config_map(self, namespace: str, name: str) -> ConfigMap | None:
        return self.config_maps.get(name) if namespace == self._namespace else None

    def secret(self, namespace: str, name: str) -> Secret | None:
        return self.secrets.get(name) if namespace == self._namespace else None
