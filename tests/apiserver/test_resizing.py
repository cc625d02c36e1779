"""`pods/resize` (L-256)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.apiserver.api import CORE, Api, a_pod, serving_api

POD = f"{CORE}/pods/web"
SMALL = {"requests": {"cpu": "100m", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        containers = [{"name": "app", "image": "busybox:1", "resources": SMALL}]
        same = {"cpu": "1", "memory": "1Gi"}
        steps = [{"name": "step", "image": "busybox:1", "resources": {"limits": same}}]
        await api.ok("POST", f"{CORE}/pods", a_pod(containers=containers, initContainers=steps))
        yield api


def resize(kind: str = "containers", name: str = "app", **resources: Any) -> dict[str, Any]:
    return {"spec": {kind: [{"name": name, "resources": resources}]}}


async def test_cpu_and_memory_change(api: Api) -> None:
    patch = resize(limits={"cpu": "2"})
    patch["spec"]["containers"][0]["image"] = "ignored"
    patch["metadata"] = {"labels": {"ignored": "too"}}
    resized = (await api.patch(f"{POD}/resize", patch)).body
    container = resized["spec"]["containers"][0]
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "1Gi"}
    assert (container["image"], resized["metadata"]["generation"]) == ("busybox:1", 2)
    assert await api.ok("GET", f"{POD}/resize") == resized
    refused = await api.patch(POD, resize(limits={"cpu": "3"}))
    assert "pod updates may not change fields other than" in refused.message  # L-68


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        pytest.param(
            resize(limits={"cpu": "200m", "memory": "1Mi"}, requests={"cpu": "200m"}),
            'spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of '
            "resizing",
            id="another class",
        ),
        pytest.param(
            resize(limits={"cpu": None}),
            "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
            id="a limit less",
        ),
        pytest.param(
            resize(limits={"ephemeral-storage": "1Gi"}),
            "spec: Forbidden: only cpu and memory resources are mutable",
            id="another resource",
        ),
        pytest.param(
            resize("initContainers", "step", limits={"cpu": "3"}, requests={"cpu": "3"}),
            "spec: Forbidden: only cpu and memory resources for sidecar containers are mutable",
            id="an init container",
        ),
        pytest.param(
            resize(limits={"cpu": "50m"}),
            'spec.containers[0].resources.requests: Invalid value: "100m": must be less than or '
            "equal to cpu limit of 50m",
            id="below the request",
        ),
    ],
)
async def test_refused(api: Api, patch: dict[str, Any], error: str) -> None:
    refused = await api.patch(f"{POD}/resize", patch)
    assert refused.status == 422
    assert error in refused.message
