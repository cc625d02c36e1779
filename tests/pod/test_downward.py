"""The values of fieldRef and resourceFieldRef."""

from __future__ import annotations

import pytest

from minikubelet.manifest.meta import ObjectMeta
from minikubelet.manifest.pod import (
    Container,
    Pod,
    PodSpec,
    ResourceFieldSelector,
    ResourceRequirements,
)
from minikubelet.pod.downward import DownwardAPIError, field_value, resource_value
from minikubelet.pod.node_info import NodeInfo

NODE = NodeInfo(
    "here", "10.0.0.7", cpu_count=4, memory_bytes=8 * 2**30, ephemeral_storage_bytes=10**11
)
POD = Pod(
    ObjectMeta(
        name="web",
        namespace="shop",
        uid="u-1",
        labels={"tier": "front", "app": "web"},
        annotations={"note": 'two\nlines "quoted"', "example.com/build": "7"},
    ),
    PodSpec(
        containers=(
            Container(
                name="app",
                resources=ResourceRequirements(
                    limits={"cpu": "1500m", "memory": "100Mi", "hugepages-2Mi": "4Mi"},
                    requests={"cpu": "250m", "memory": "1000001"},
                ),
            ),
            Container(name="free"),
        ),
        service_account_name="runner",
    ),
)


# L-62, L-133
@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("metadata.name", "web", id="the name"),
        pytest.param("metadata.namespace", "shop", id="the namespace"),
        pytest.param("metadata.uid", "u-1", id="the uid"),
        pytest.param("spec.nodeName", "here", id="a pod without nodeName is on this node"),
        pytest.param("spec.serviceAccountName", "runner", id="the service account"),
        pytest.param("status.hostIP", "10.0.0.7", id="the host IP is the node's"),
        pytest.param("status.hostIPs", "10.0.0.7", id="one host IP needs no comma"),
        pytest.param("status.podIP", "10.0.0.7", id="the pod IP is the node's"),
        pytest.param("status.podIPs", "10.0.0.7", id="one pod IP needs no comma"),
        pytest.param("metadata.labels['app']", "web", id="one label"),
        pytest.param("metadata.labels['none']", "", id="a missing label is empty"),
        pytest.param("metadata.annotations['example.com/build']", "7", id="one annotation"),
        pytest.param(
            "metadata.labels", 'app="web"\ntier="front"', id="all labels, sorted, no final newline"
        ),
        pytest.param(
            "metadata.annotations",
            'example.com/build="7"\nnote="two\\nlines \\"quoted\\""',
            id="values are in Go's quotes",
        ),
    ],
)
def test_field_value(path: str, value: str) -> None:
    assert field_value(POD, NODE, path) == value


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("spec.hostname", id="a field that is not exposed"),
        pytest.param("metadata.name['x']", id="a subscript of what is no map"),
        pytest.param("metadata.labels[app]", id="a subscript without quotes"),
        pytest.param("", id="no path"),
    ],
)
def test_unsupported_field(path: str) -> None:
    with pytest.raises(DownwardAPIError) as raised:
        field_value(POD, NODE, path)
    assert str(raised.value) == f"unsupported fieldPath: {path}"


# L-129
@pytest.mark.parametrize(
    ("container", "resource", "divisor", "value"),
    [
        pytest.param("app", "limits.cpu", "0", "2", id="cores are rounded up"),
        pytest.param("app", "limits.cpu", "1m", "1500", id="a divisor of 1m gives millicores"),
        pytest.param("app", "requests.cpu", "1m", "250", id="a request"),
        pytest.param("app", "requests.cpu", "100m", "3", id="2.5 divisors are three"),
        pytest.param("app", "limits.memory", "1Mi", "100", id="memory in Mi"),
        pytest.param("app", "requests.memory", "1k", "1001", id="memory is rounded up"),
        pytest.param("app", "limits.hugepages-2Mi", "1Mi", "4", id="huge pages"),
        pytest.param("free", "limits.cpu", "0", "4", id="without a limit, the node's cores"),
        pytest.param("free", "limits.memory", "1Gi", "8", id="without a limit, its memory"),
        pytest.param(
            "free", "limits.ephemeral-storage", "1G", "100", id="without a limit, its storage"
        ),
        pytest.param("free", "limits.hugepages-2Mi", "1", "0", id="huge pages are not promised"),
        pytest.param("free", "requests.memory", "0", "0", id="without a request, 0"),
    ],
)
def test_resource_value(container: str, resource: str, divisor: str, value: str) -> None:
    selector = ResourceFieldSelector(resource, divisor=divisor)
    assert resource_value(POD, NODE, container, selector) == value


@pytest.mark.parametrize(
    ("container", "resource", "message"),
    [
        pytest.param("db", "limits.cpu", "container db not found", id="no such container"),
        pytest.param(
            "app",
            "limits.gpu",
            "unsupported container resource : limits.gpu",
            id="a resource that is not exposed",
        ),
        pytest.param(
            "app", "cpu", "unsupported container resource : cpu", id="neither limit nor request"
        ),
    ],
)
def test_unsupported_resource(container: str, resource: str, message: str) -> None:
    with pytest.raises(DownwardAPIError) as raised:
        resource_value(POD, NODE, container, ResourceFieldSelector(resource))
    assert str(raised.value) == message
