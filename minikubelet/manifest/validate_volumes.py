"""Rules for volumes (L-41, L-62, L-64).

Role: `spec.volumes` → field errors in upstream's order, and the names that mounts may use. Sources
that minikubelet cannot provide are counted here and refused by the support table.
Upstream: pkg/apis/core/validation, ValidateVolumes. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.pod import (
    ConfigMapVolume,
    DownwardAPIFile,
    DownwardAPIVolume,
    EmptyDirVolume,
    HostPathVolume,
    KeyToPath,
    ProjectedVolume,
    SecretVolume,
    ServiceAccountToken,
    Volume,
    VolumeProjection,
)
from minikubelet.manifest.quantity import parse_quantity
from minikubelet.manifest.validate_env import (
    VOLUME_FIELD_PATHS,
    validate_field_ref,
    validate_resource_field_ref,
)
from minikubelet.manifest.validate_metadata import checked
from minikubelet.manifest.validate_paths import (
    validate_local_path,
    validate_mode,
    validate_no_backsteps,
)

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_SOURCE_ORDER = (
    *("emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret"),
    *("nfs", "iscsi", "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs"),
    *("quobyte", "downwardAPI", "fc", "flexVolume", "configMap", "azureFile", "vsphereVolume"),
    *("photonPersistentDisk", "portworxVolume", "azureDisk", "storageos", "projected", "scaleIO"),
    *("csi", "ephemeral", "image"),
)
"""Of several sources the first one in this order counts; the rest are one too many."""

_Check = Callable[[FieldPath], Iterator[FieldError]]


def validate_volumes(
    volumes: tuple[Volume, ...], path: FieldPath
) -> tuple[list[FieldError], frozenset[str]]:
    """The errors, and the names of the volumes without one: only these can be mounted."""
    errors: list[FieldError] = []
    usable: set[str] = set()
    for index, volume in enumerate(volumes):
        at = path.index(index)
        found = list(_validate_source(volume, at))
        if not volume.name:
            found.append(required(at.child("name")))
        found += checked(at.child("name"), volume.name, names.dns_label, empty_is_fine=True)
        if volume.name in usable:
            found.append(duplicate(at.child("name"), volume.name))
        if not found:
            usable.add(volume.name)
        errors += found
    return errors, frozenset(usable)


def _validate_source(volume: Volume, path: FieldPath) -> Iterator[FieldError]:
    checks = _checks(volume)
    given = [name for name in _SOURCE_ORDER if name in checks]
    given += [name for name in checks if name not in given]
    if not given:
        yield required(path, "must specify a volume type")
        return
    yield from checks[given[0]](path.child(given[0]))
    for name in given[1:]:
        yield forbidden(path.child(name), "may not specify more than 1 volume type")


def _checks(volume: Volume) -> dict[str, _Check]:
    """The check of each source that is given."""
    checks: dict[str, _Check] = dict.fromkeys(volume.unsupported, _no_rules)
    if volume.empty_dir is not None:
        checks["emptyDir"] = partial(_validate_empty_dir, volume.empty_dir)
    if volume.host_path is not None:
        checks["hostPath"] = partial(_validate_host_path, volume.host_path)
    if volume.secret is not None:
        checks["secret"] = partial(_validate_secret, volume.secret)
    if volume.downward_api is not None:
        checks["downwardAPI"] = partial(_validate_downward_api, volume.downward_api)
    if volume.config_map is not None:
        checks["configMap"] = partial(_validate_config_map, volume.config_map)
    if volume.projected is not None:
        checks["projected"] = partial(_validate_projected, volume.projected)
    return checks


def _no_rules(path: FieldPath) -> Iterator[FieldError]:
    yield from ()


def _validate_empty_dir(source: EmptyDirVolume, path: FieldPath) -> Iterator[FieldError]:
    if source.size_limit is not None and parse_quantity(source.size_limit).nano < 0:
        detail = "SizeLimit field must be a valid resource quantity"
        yield forbidden(path.child("sizeLimit"), detail)


def _validate_host_path(source: HostPathVolume, path: FieldPath) -> Iterator[FieldError]:
    if not source.path:
        yield required(path.child("path"))
        return
    yield from validate_no_backsteps(source.path, path.child("path"))
    if source.type not in _HOST_PATH_TYPES:
        yield not_supported(path.child("type"), source.type, _HOST_PATH_TYPES)


def _validate_secret(source: SecretVolume, path: FieldPath) -> Iterator[FieldError]:
    if not source.secret_name:
        yield required(path.child("secretName"))
    yield from validate_mode(source.default_mode, path.child("defaultMode"))
    yield from _validate_items(source.items, path.child("items"))


def _validate_config_map(source: ConfigMapVolume, path: FieldPath) -> Iterator[FieldError]:
    if not source.name:
        yield required(path.child("name"))
    yield from validate_mode(source.default_mode, path.child("defaultMode"))
    yield from _validate_items(source.items, path.child("items"))


def _validate_items(items: tuple[KeyToPath, ...], path: FieldPath) -> Iterator[FieldError]:
    for index, item in enumerate(items):
        at = path.index(index)
        if not item.key:
            yield required(at.child("key"))
        if not item.path:
            yield required(at.child("path"))
        yield from validate_local_path(item.path, at.child("path"))
        yield from validate_mode(item.mode, at.child("mode"))


def _validate_downward_api(source: DownwardAPIVolume, path: FieldPath) -> Iterator[FieldError]:
    yield from validate_mode(source.default_mode, path.child("defaultMode"))
    for item in source.items:
        # Upstream names the volume, not the item.
        yield from _validate_downward_file(item, path)


def _validate_downward_file(file: DownwardAPIFile, path: FieldPath) -> Iterator[FieldError]:
    if not file.path:
        yield required(path.child("path"))
    yield from validate_local_path(file.path, path.child("path"))
    if file.field_ref is not None:
        yield from validate_field_ref(file.field_ref, VOLUME_FIELD_PATHS, path.child("fieldRef"))
        if file.resource_field_ref is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            yield invalid(path, "resource", detail)
    elif file.resource_field_ref is not None:
        at = path.child("resourceFieldRef")
        yield from validate_resource_field_ref(file.resource_field_ref, at, in_volume=True)
    else:
        yield required(path, "one of fieldRef and resourceFieldRef is required")
    yield from validate_mode(file.mode, path.child("mode"))


def _validate_projected(source: ProjectedVolume, path: FieldPath) -> Iterator[FieldError]:
    yield from validate_mode(source.default_mode, path.child("defaultMode"))
    taken: set[str] = set()
    for index, projection in enumerate(source.sources):
        at = path.child("sources").index(index)
        yield from _validate_projection(projection, at)
        for name, file in _projected_paths(projection):
            if file in taken:
                yield invalid(path, name, "conflicting duplicate paths")
            taken.add(file)
        if _count_sources(projection) > 1:
            yield forbidden(at, "may not specify more than 1 volume type per source")


def _validate_projection(projection: VolumeProjection, path: FieldPath) -> Iterator[FieldError]:
    if projection.secret is not None:
        at = path.child("secret")
        if not projection.secret.secret_name:
            yield required(at.child("name"))
        yield from _validate_items(projection.secret.items, at.child("items"))
    if projection.config_map is not None:
        at = path.child("configMap")
        if not projection.config_map.name:
            yield required(at.child("name"))
        yield from _validate_items(projection.config_map.items, at.child("items"))
    if projection.downward_api is not None:
        for item in projection.downward_api.items:
            yield from _validate_downward_file(item, path.child("downwardAPI"))
    if projection.service_account_token is not None:
        yield from _validate_token(
            projection.service_account_token, path.child("serviceAccountToken")
        )


def _validate_token(token: ServiceAccountToken, path: FieldPath) -> Iterator[FieldError]:
    seconds = token.expiration_seconds
    at = path.child("expirationSeconds")
    if seconds < 600:
        yield invalid(at, seconds, "may not specify a duration less than 10 minutes")
    if seconds > 1 << 32:
        yield invalid(at, seconds, "may not specify a duration larger than 2^32 seconds")
    if not token.path:
        yield required(path.child("path"))
    yield from validate_local_path(token.path, path.child("path"))


def _projected_paths(projection: VolumeProjection) -> Iterator[tuple[str, str]]:
    """Each written path, with what upstream shows when it is taken already."""
    if projection.secret is not None:
        for item in projection.secret.items:
            yield projection.secret.secret_name, item.path
    if projection.config_map is not None:
        for item in projection.config_map.items:
            yield projection.config_map.name, item.path
    if projection.downward_api is not None:
        for file in projection.downward_api.items:
            yield file.path, file.path
    if projection.service_account_token is not None:
        yield projection.service_account_token.path, projection.service_account_token.path


def _count_sources(projection: VolumeProjection) -> int:
    typed = (
        projection.secret,
        projection.config_map,
        projection.downward_api,
        projection.service_account_token,
    )
    return sum(source is not None for source in typed) + bool(projection.unsupported)
