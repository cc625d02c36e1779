"""The files of configMap, secret, downwardAPI and projected volumes (L-144, L-145).

Role: from a volume's source and the objects that it names to paths, contents and modes.
Upstream: pkg/volume/{configmap,secret,downwardapi,projected}, MakePayload and collectData, and the
path checks of pkg/volume/util/atomic_writer.go. Pure, but for the lookup.
"""

from __future__ import annotations

from collections.abc import Mapping

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import (
    ConfigMapVolume,
    DownwardAPIVolume,
    KeyToPath,
    Pod,
    ProjectedVolume,
    SecretVolume,
    Volume,
    VolumeProjection,
)
from minikubelet.pod.downward import DownwardAPIError, field_value, resource_value
from minikubelet.pod.node_info import NodeInfo, ObjectLookup
from minikubelet.value_class import dataclass

_DEFAULT_MODE = 0o644
_MAX_NAME_BYTES = 255
_MAX_PATH_BYTES = 4096


@dataclass(frozen=True, slots=True)
class VolumeFile:
    data: bytes
    mode: int


Payload = Mapping[str, VolumeFile]
"""Files by path below the volume."""


class PayloadError(Exception):
    """The files of a volume cannot be told; the text is upstream's."""


def has_payload(volume: Volume) -> bool:
    """Whether the volume's files come from objects: they follow these, and cannot be written."""
    sources = (volume.config_map, volume.secret, volume.downward_api, volume.projected)
    return any(source is not None for source in sources)


def compute_payload(pod: Pod, volume: Volume, node: NodeInfo, lookup: ObjectLookup) -> Payload:
    """What the volume is to hold now. Raises PayloadError."""
    read = _Reader(pod, node, lookup)
    files: dict[str, VolumeFile] = {}
    if volume.config_map is not None:
        files = read.config_map(volume.config_map, volume.config_map.default_mode)
    elif volume.secret is not None:
        files = read.secret(volume.secret, volume.secret.default_mode)
    elif volume.downward_api is not None:
        files = read.downward_api(volume.downward_api, volume.downward_api.default_mode)
    elif volume.projected is not None:
        files = read.projected(volume.projected)
    for path in files:
        _check_path(path)
    return files


@dataclass(frozen=True, slots=True)
class _Reader:
    pod: Pod
    node: NodeInfo
    lookup: ObjectLookup

    def config_map(self, source: ConfigMapVolume, mode: int | None) -> dict[str, VolumeFile]:
        found = self.lookup.config_map(self.pod.metadata.namespace, source.name)
        if found is None:
            if source.optional:
                return {}
            raise PayloadError(f"configmap {go_quote(source.name)} not found")
        data = {key: text.encode("utf-8", "surrogateescape") for key, text in found.data.items()}
        missing = "configmap references non-existent config key: "
        everything = {**data, **found.binary_data}
        return _select(everything, source.items, mode, None if source.optional else missing)

    def secret(self, source: SecretVolume, mode: int | None) -> dict[str, VolumeFile]:
        found = self.lookup.secret(self.pod.metadata.namespace, source.secret_name)
        if found is None:
            if source.optional:
                return {}
            raise PayloadError(f"secret {go_quote(source.secret_name)} not found")
        missing = "references non-existent secret key: "
        return _select(found.data, source.items, mode, None if source.optional else missing)

    def downward_api(self, source: DownwardAPIVolume, mode: int | None) -> dict[str, VolumeFile]:
        files: dict[str, VolumeFile] = {}
        errors: list[str] = []
        for item in source.items:
            try:
                if item.field_ref is not None:
                    text = field_value(self.pod, self.node, item.field_ref.field_path)
                elif item.resource_field_ref is not None:
                    selector = item.resource_field_ref
                    text = resource_value(self.pod, self.node, selector.container_name, selector)
                else:
                    continue
            except DownwardAPIError as error:
                errors.append(str(error))
                continue
            data = text.encode("utf-8", "surrogateescape")
            files[item.path] = VolumeFile(data, _mode(item.mode, mode))
        _raise_all(errors)
        return files

    def projected(self, source: ProjectedVolume) -> dict[str, VolumeFile]:
        files: dict[str, VolumeFile] = {}
        errors: list[str] = []
        for projection in source.sources:
            try:
                files |= self._projection(projection, source.default_mode)
            except PayloadError as error:
                errors.append(str(error))
        _raise_all(errors)
        return files

    def _projection(self, source: VolumeProjection, mode: int | None) -> dict[str, VolumeFile]:
        if source.config_map is not None:
            return self.config_map(source.config_map, mode)
        if source.secret is not None:
            return self.secret(source.secret, mode)
        if source.downward_api is not None:
            return self.downward_api(source.downward_api, mode)
        if source.unsupported:
            raise PayloadError(f"{source.unsupported} is not supported: there is no cluster")
        return {}


def _select(
    data: Mapping[str, bytes],
    items: tuple[KeyToPath, ...],
    default_mode: int | None,
    missing: str | None,
) -> dict[str, VolumeFile]:
    """All keys, or those of `items` at their paths; `missing` None lets a key be absent."""
    if not items:
        return {key: VolumeFile(value, _mode(None, default_mode)) for key, value in data.items()}
    files: dict[str, VolumeFile] = {}
    for item in items:
        if item.key in data:
            files[item.path] = VolumeFile(data[item.key], _mode(item.mode, default_mode))
        elif missing is not None:
            raise PayloadError(missing + item.key)
    return files


def _mode(own: int | None, default: int | None) -> int:
    if own is not None:
        return own
    return _DEFAULT_MODE if default is None else default


def _raise_all(errors: list[str]) -> None:
    if errors:
        distinct = list(dict.fromkeys(errors))
        raise PayloadError(distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]")


def _check_path(path: str) -> None:
    names = path.split("/")
    if not path:
        raise PayloadError("invalid path: must not be empty: ")
    if path.startswith("/"):
        raise PayloadError(f"invalid path: must be relative path: {path}")
    if len(path.encode()) > _MAX_PATH_BYTES:
        raise PayloadError(
            f"invalid path: must be less than or equal to {_MAX_PATH_BYTES} characters"
        )
    for name in names:
        if name == "..":
            raise PayloadError(f"invalid path: must not contain '..': {path}")
        if len(name.encode()) > _MAX_NAME_BYTES:
            raise PayloadError(
                f"invalid path: filenames must be less than or equal to {_MAX_NAME_BYTES} "
                "characters"
            )
    if names[0].startswith(".."):
        raise PayloadError(f"invalid path: must not start with '..': {path}")
