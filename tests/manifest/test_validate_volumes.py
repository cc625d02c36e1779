"""Volumes that Kubernetes refuses."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.manifest.pod import (
    ConfigMapVolume,
    DownwardAPIFile,
    DownwardAPIVolume,
    EmptyDirVolume,
    HostPathVolume,
    KeyToPath,
    ObjectFieldSelector,
    ProjectedVolume,
    ResourceFieldSelector,
    SecretVolume,
    ServiceAccountToken,
    Volume,
    VolumeProjection,
)
from minikubelet.manifest.validate_pod import validate_pod
from tests.pod.builders import a_pod

V = "spec.volumes[0]"
MODE = "must be a number between 0 and 0777 (octal), both inclusive"
MORE = "Forbidden: may not specify more than 1 volume type"
A_FIELD = ObjectFieldSelector("metadata.name")


def errors_of(*volumes: Volume) -> list[str]:
    return [str(error) for error in validate_pod(a_pod(volumes=volumes))]


def a_config_map(*items: KeyToPath) -> dict[str, Any]:
    return {"config_map": ConfigMapVolume("x", items)}


def a_file(**fields: Any) -> dict[str, Any]:
    return {"downward_api": DownwardAPIVolume((DownwardAPIFile(**{"path": "x", **fields}),))}


def a_projected(*sources: VolumeProjection) -> dict[str, Any]:
    return {"projected": ProjectedVolume(sources)}


@pytest.mark.parametrize(
    ("source", "errors"),
    [
        pytest.param({"empty_dir": EmptyDirVolume("Memory", "1Gi")}, [], id="an emptyDir"),
        pytest.param({"unsupported": ("nfs",)}, [], id="a source for the support table"),
        pytest.param({}, [f"{V}: Required value: must specify a volume type"], id="no source"),
        pytest.param(
            {
                "empty_dir": EmptyDirVolume(),
                "host_path": HostPathVolume(""),
                "unsupported": ("csi",),
            },
            [f"{V}.hostPath: {MORE}", f"{V}.csi: {MORE}"],
            id="surplus sources are not checked further",
        ),  # L-64
        pytest.param(
            {"unsupported": ("nfs", "gitRepo", "unheardOf"), "secret": SecretVolume("x")},
            [f"{V}.secret: {MORE}", f"{V}.nfs: {MORE}", f"{V}.unheardOf: {MORE}"],
            id="sources count in upstream's order",
        ),
        pytest.param(
            {"empty_dir": EmptyDirVolume(size_limit="-1")},
            [
                f"{V}.emptyDir.sizeLimit: Forbidden: "
                "SizeLimit field must be a valid resource quantity"
            ],
            id="a negative size limit",
        ),
        pytest.param(
            {"host_path": HostPathVolume("", "Nonsense")},
            [f"{V}.hostPath.path: Required value"],
            id="no host path",
        ),  # L-64
        pytest.param(
            {"host_path": HostPathVolume("/a/../b", "Nonsense")},
            [
                f"{V}.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
                f'{V}.hostPath.type: Unsupported value: "Nonsense": supported values: "", '
                '"BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", '
                '"FileOrCreate", "Socket"',
            ],
            id="a host path upwards of an unknown type",
        ),  # L-64
        pytest.param(
            {"secret": SecretVolume("", default_mode=0o1000)},
            [
                f"{V}.secret.secretName: Required value",
                f"{V}.secret.defaultMode: Invalid value: 512: {MODE}",
            ],
            id="a secret without a name",
        ),  # L-64
        pytest.param(
            {"config_map": ConfigMapVolume("", default_mode=-1)},
            [
                f"{V}.configMap.name: Required value",
                f"{V}.configMap.defaultMode: Invalid value: -1: {MODE}",
            ],
            id="a configMap without a name",
        ),  # L-64
        pytest.param(
            a_config_map(KeyToPath("", "")),
            [
                f"{V}.configMap.items[0].key: Required value",
                f"{V}.configMap.items[0].path: Required value",
            ],
            id="an empty item",
        ),
        pytest.param(
            a_config_map(KeyToPath("k", "../x"), KeyToPath("k", "..x"), KeyToPath("k", "/x", 999)),
            [
                f"{V}.configMap.items[0].path: Invalid value: \"../x\": must not contain '..'",
                f"{V}.configMap.items[1].path: Invalid value: \"..x\": must not start with '..'",
                f'{V}.configMap.items[2].path: Invalid value: "/x": must be a relative path',
                f"{V}.configMap.items[2].mode: Invalid value: 999: {MODE}",
            ],
            id="items that leave the volume",
        ),  # L-64
        pytest.param(
            a_file(field_ref=ObjectFieldSelector("metadata.labels")), [], id="all labels in a file"
        ),  # L-62
        pytest.param(
            a_file(field_ref=ObjectFieldSelector("metadata.labels['a b']")),
            [
                f'{V}.downwardAPI.fieldRef: Invalid value: "a b": name part must consist of '
                "alphanumeric characters, '-', '_' or '.', and must start and end with an "
                "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used "
                "for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
            ],
            id="a label that cannot be",
        ),
        pytest.param(
            a_file(field_ref=ObjectFieldSelector("status.podIP")),
            [
                f'{V}.downwardAPI.fieldRef.fieldPath: Unsupported value: "status.podIP": '
                'supported values: "metadata.annotations", "metadata.labels", "metadata.name", '
                '"metadata.namespace", "metadata.uid"'
            ],
            id="a field for env only",
        ),  # L-62
        pytest.param(
            a_file(),
            [f"{V}.downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"],
            id="no reference",
        ),
        pytest.param(
            a_file(path="", field_ref=A_FIELD, resource_field_ref=ResourceFieldSelector("")),
            [
                f"{V}.downwardAPI.path: Required value",
                f'{V}.downwardAPI: Invalid value: "resource": '
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            ],
            id="two references and no path",
        ),
        pytest.param(
            a_file(resource_field_ref=ResourceFieldSelector("limits.cpu")),
            [f"{V}.downwardAPI.resourceFieldRef.containerName: Required value"],
            id="a resource of no container",
        ),
        pytest.param(
            a_projected(
                VolumeProjection(config_map=ConfigMapVolume("c", (KeyToPath("k", "p"),))),
                VolumeProjection(secret=SecretVolume("s", (KeyToPath("k", "p"),))),
                VolumeProjection(
                    downward_api=DownwardAPIVolume((DownwardAPIFile("p", field_ref=A_FIELD),))
                ),
            ),
            [
                f'{V}.projected: Invalid value: "s": conflicting duplicate paths',
                f'{V}.projected: Invalid value: "p": conflicting duplicate paths',
            ],
            id="projected onto each other",
        ),
        pytest.param(
            a_projected(
                VolumeProjection(secret=SecretVolume(), unsupported="clusterTrustBundle"),
                VolumeProjection(config_map=ConfigMapVolume()),
            ),
            [
                f"{V}.projected.sources[0].secret.name: Required value",
                f"{V}.projected.sources[0]: Forbidden: "
                "may not specify more than 1 volume type per source",
                f"{V}.projected.sources[1].configMap.name: Required value",
            ],
            id="projections without names",
        ),
        pytest.param(
            a_projected(
                VolumeProjection(service_account_token=ServiceAccountToken("", 599)),
                VolumeProjection(service_account_token=ServiceAccountToken("../t", 2**32 + 1)),
            ),
            [
                f"{V}.projected.sources[0].serviceAccountToken.expirationSeconds: "
                "Invalid value: 599: may not specify a duration less than 10 minutes",
                f"{V}.projected.sources[0].serviceAccountToken.path: Required value",
                f"{V}.projected.sources[1].serviceAccountToken.expirationSeconds: "
                "Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds",
                f"{V}.projected.sources[1].serviceAccountToken.path: "
                "Invalid value: \"../t\": must not contain '..'",
            ],
            id="tokens",
        ),
    ],
)
def test_volume(source: dict[str, Any], errors: list[str]) -> None:
    assert errors_of(Volume("v", **source)) == errors


def test_names_of_volumes() -> None:  # L-41, L-64
    directory = EmptyDirVolume()
    assert errors_of(
        Volume("", empty_dir=directory),
        Volume("a.b", empty_dir=directory),
        Volume("v", empty_dir=directory),
        Volume("v", empty_dir=directory),
    ) == [
        "spec.volumes[0].name: Required value",
        'spec.volumes[1].name: Invalid value: "a.b": must not contain dots',
        'spec.volumes[3].name: Duplicate value: "v"',
    ]
