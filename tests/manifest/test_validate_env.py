"""Environment variables and resources that Kubernetes refuses."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.manifest.pod import (
    EnvFromRef,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    FileKeySelector,
    KeySelector,
    ObjectFieldSelector,
    ResourceFieldSelector,
    ResourceRequirements,
)
from minikubelet.manifest.validate_pod import validate_pod
from tests.pod.builders import a_container, a_pod, a_sidecar

C = "spec.containers[0]"
E = f"{C}.env[0]"
F = f"{E}.valueFrom"
R = f"{C}.resources"
ENV_NAME = (
    "a valid environment variable name must consist only of printable ASCII characters other "
    "than '='"
)
ONE_OF = (
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
    "`fileKeyRef`"
)


def errors_of_container(**fields: Any) -> list[str]:
    return [str(error) for error in validate_pod(a_pod(a_container(**fields)))]


def a_field(path: str, api_version: str = "v1") -> EnvVarSource:
    return EnvVarSource(field_ref=ObjectFieldSelector(path, api_version))


def a_resource(resource: str, divisor: str = "0") -> EnvVarSource:
    return EnvVarSource(resource_field_ref=ResourceFieldSelector(resource, divisor=divisor))


@pytest.mark.parametrize(
    ("name", "errors"),
    [  # L-60
        pytest.param("no shell name, but printable", [], id="anything printable"),
        pytest.param("", [f"{E}.name: Required value"], id="no name"),
        pytest.param("A=B", [f'{E}.name: Invalid value: "A=B": {ENV_NAME}'], id="an equals sign"),
        pytest.param("A\tB", [f'{E}.name: Invalid value: "A\\tB": {ENV_NAME}'], id="a tab"),
    ],
)
def test_name(name: str, errors: list[str]) -> None:
    assert errors_of_container(env=(EnvVar(name, "x"),)) == errors


@pytest.mark.parametrize(
    "source",
    [
        *(
            pytest.param(a_field(path), id=path)
            for path in (  # L-62
                "metadata.name",
                "metadata.namespace",
                "metadata.uid",
                "spec.nodeName",
                "spec.serviceAccountName",
                "status.hostIP",
                "status.hostIPs",
                "status.podIP",
                "status.podIPs",
                "metadata.labels['app.kubernetes.io/name']",
                "metadata.annotations['Example.com/Any']",
            )
        ),
        pytest.param(a_resource("limits.hugepages-2Mi", "1Mi"), id="huge pages"),
        pytest.param(a_resource("requests.cpu", "1m"), id="milli cpus"),
        pytest.param(
            EnvVarSource(file_key_ref=FileKeySelector("v", "a/b.env", "KEY")), id="a key of a file"
        ),
    ],
)
def test_good_source(source: EnvVarSource) -> None:
    assert errors_of_container(env=(EnvVar("A", value_from=source),)) == []


@pytest.mark.parametrize(
    ("source", "errors"),
    [
        pytest.param(EnvVarSource(), [f'{F}: Invalid value: "": {ONE_OF}'], id="no source"),  # L-61
        pytest.param(
            EnvVarSource(
                config_map_key_ref=KeySelector("c", "k"), secret_key_ref=KeySelector("s", "k")
            ),
            [f'{F}: Invalid value: "": may not have more than one field specified at a time'],
            id="two sources",
        ),  # L-61
        pytest.param(
            a_field("status.phase"),
            [
                f'{F}.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: '
                '"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", '
                '"spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", '
                '"status.podIPs"'
            ],
            id="a field that is not for env",
        ),  # L-62
        pytest.param(
            a_field("metadata.labels"),
            [
                f'{F}.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: '
                '"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", '
                '"spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", '
                '"status.podIPs"'
            ],
            id="all labels are for volumes",
        ),  # L-62
        pytest.param(
            a_field("spec.nonsense"),
            [
                f'{F}.fieldRef.fieldPath: Invalid value: "spec.nonsense": '
                "error converting fieldPath: field label not supported: spec.nonsense"
            ],
            id="no field",
        ),
        pytest.param(
            a_field("metadata.name['x']"),
            [
                f"{F}.fieldRef.fieldPath: Invalid value: \"metadata.name['x']\": error converting "
                "fieldPath: field label does not support subscript: metadata.name['x']"
            ],
            id="a part of a name",
        ),
        pytest.param(
            a_field("metadata.name", "v2"),
            [
                f'{F}.fieldRef.fieldPath: Invalid value: "metadata.name": '
                "error converting fieldPath: unsupported pod version: v2"
            ],
            id="another version",
        ),
        pytest.param(a_field(""), [f"{F}.fieldRef.fieldPath: Required value"], id="no path"),
        pytest.param(
            a_field("x", ""), [f"{F}.fieldRef.apiVersion: Required value"], id="no version"
        ),
        pytest.param(
            a_resource(""), [f"{F}.resourceFieldRef.resource: Required value"], id="no resource"
        ),
        pytest.param(
            a_resource("limits.disk"),
            [
                f'{F}.resourceFieldRef.resource: Unsupported value: "limits.disk": supported '
                'values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", '
                '"requests.cpu", "requests.ephemeral-storage", "requests.memory"'
            ],
            id="an unknown resource",
        ),
        pytest.param(
            a_resource("limits.cpu", "2"),
            [
                f'{F}.resourceFieldRef.divisor: Invalid value: "limits.cpu": '
                "only divisor's values 1m and 1 are supported with the cpu resource"
            ],
            id="a divisor of cpus",
        ),
        pytest.param(
            a_resource("requests.memory", "3Mi"),
            [
                f'{F}.resourceFieldRef.divisor: Invalid value: "requests.memory": only divisor\'s '
                "values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported "
                "with the memory resource"
            ],
            id="a divisor of memory",
        ),
        pytest.param(
            EnvVarSource(config_map_key_ref=KeySelector("c", "")),
            [f"{F}.configMapKeyRef.key: Required value"],
            id="no key",
        ),
        pytest.param(
            EnvVarSource(secret_key_ref=KeySelector("s", "..")),
            [f"{F}.secretKeyRef.key: Invalid value: \"..\": must not be '..'"],
            id="a bad key",
        ),
        pytest.param(
            EnvVarSource(file_key_ref=FileKeySelector("", "", "")),
            [f"{F}.fileKeyRef.{name}: Required value" for name in ("key", "volumeName", "path")],
            id="an empty file reference",
        ),
    ],
)
def test_value_from(source: EnvVarSource, errors: list[str]) -> None:
    assert errors_of_container(env=(EnvVar("A", value_from=source),)) == errors


def test_value_and_source() -> None:  # L-61
    assert errors_of_container(env=(EnvVar("A", "x", a_field("metadata.name")),)) == [
        f'{F}: Invalid value: "": may not be specified when `value` is not empty'
    ]


@pytest.mark.parametrize(
    ("source", "errors"),
    [
        pytest.param(EnvFromSource("P_", EnvFromRef("c")), [], id="a ConfigMap with a prefix"),
        pytest.param(
            EnvFromSource(),
            [f'{C}.envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
            id="no source",
        ),
        pytest.param(
            EnvFromSource("=", EnvFromRef("c"), EnvFromRef("")),
            [
                f'{C}.envFrom[0].prefix: Invalid value: "=": {ENV_NAME}',
                f"{C}.envFrom[0].secretRef.name: Required value",
                f'{C}.envFrom: Invalid value: "": '
                "may not have more than one field specified at a time",
            ],
            id="everything at once",
        ),
    ],
)
def test_env_from(source: EnvFromSource, errors: list[str]) -> None:
    assert errors_of_container(env_from=(source,)) == errors


@pytest.mark.parametrize(
    ("limits", "requests", "errors"),
    [
        pytest.param({"cpu": "1"}, {"cpu": "1000m", "memory": "1Gi"}, [], id="within the limits"),
        pytest.param(
            {"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": "1"}, [], id="an extended resource"
        ),
        pytest.param(
            {"cpu": "1", "hugepages-2Mi": "4Mi"}, {"hugepages-2Mi": "4Mi"}, [], id="huge pages"
        ),
        pytest.param(
            {"cpu": "1"},
            {"cpu": "2"},
            [f'{R}.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
            id="above the limit",
        ),
        pytest.param(
            {"cpu": "-1"},
            {},
            [f'{R}.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
            id="a negative limit",
        ),
        pytest.param(
            {"example.com/a": "500m"},
            {"example.com/a": "500m"},
            [
                f'{R}.limits[example.com/a]: Invalid value: "500m": must be an integer',
                f'{R}.requests[example.com/a]: Invalid value: "500m": must be an integer',
            ],
            id="half a device",
        ),
        pytest.param(
            {"example.com/a": "2"},
            {"example.com/a": "1"},
            [f'{R}.requests: Invalid value: "1": must be equal to example.com/a limit of 2'],
            id="fewer devices than the limit",
        ),
        pytest.param(
            {},
            {"example.com/a": "1"},
            [f"{R}.limits: Required value: Limit must be set for non overcommitable resources"],
            id="devices without a limit",
        ),
        pytest.param(
            {"disk": "1"},
            {},
            [
                f'{R}.limits[disk]: Invalid value: "disk": '
                "must be a standard resource type or fully qualified",
                f'{R}.limits[disk]: Invalid value: "disk": '
                "must be a standard resource for containers",
            ],
            id="an unknown resource",
        ),
        pytest.param(
            {"pods": "1"},
            {},
            [
                f'{R}.limits[pods]: Invalid value: "pods": '
                "must be a standard resource for containers"
            ],
            id="a resource of namespaces",
        ),
        pytest.param(
            {"requests.example.com/a": "1"},
            {},
            [
                f'{R}.limits[requests.example.com/a]: Invalid value: "requests.example.com/a": '
                "doesn't follow extended resource name standard"
            ],
            id="a prefix of quotas",
        ),
        pytest.param(
            {"hugepages-2Mi": "3Mi"},
            {"hugepages-2Mi": "3Mi"},
            [
                f'{R}.limits[hugepages-2Mi]: Invalid value: "3Mi": '
                "3Mi is not positive integer multiple of hugepages-2Mi",
                f'{R}.requests[hugepages-2Mi]: Invalid value: "3Mi": '
                "3Mi is not positive integer multiple of hugepages-2Mi",
                f"{R}: Forbidden: HugePages require cpu or memory",
            ],
            id="a part of a huge page, and no memory",
        ),
        pytest.param(
            {"memory": "1Gi", "hugepages-x": "1"},
            {},
            [
                f'{R}.limits[hugepages-x]: Invalid value: "1": '
                "1 is not positive integer multiple of hugepages-x"
            ],
            id="a page of no size",
        ),
    ],
)
def test_resources(limits: dict[str, str], requests: dict[str, str], errors: list[str]) -> None:
    assert errors_of_container(resources=ResourceRequirements(limits, requests)) == errors


def test_resources_of_the_pod_cover_its_containers() -> None:
    asks = ResourceRequirements({"cpu": "3"}, {"cpu": "2"})
    pod = a_pod(
        a_container("a", resources=asks),
        init=(a_sidecar(resources=asks), a_container("init", resources=asks)),
        resources=ResourceRequirements({"cpu": "2", "disk": "1"}, {"cpu": "1"}),
    )
    assert [str(error) for error in validate_pod(pod)] == [
        'spec.resources.limits[disk]: Unsupported value: "disk": supported values: "cpu", "memory"',
        'spec.resources.requests[cpu]: Invalid value: "1": '
        "must be greater than or equal to aggregate container requests of 4",
        'spec.resources.containers[0][cpu].limits: Invalid value: "3": '
        "must be less than or equal to pod limits of 2",
    ]
