"""Kinds that are kept as they are: what is refused, and the defaults (K- section 8)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.apiserver.api import CORE, Api, serving_api

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
NODES = "/api/v1/nodes"
TOKEN = f"{CORE}/serviceaccounts/default/token"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


@pytest.mark.parametrize(
    ("path", "body", "errors"),
    [
        pytest.param(
            LEASES,
            {"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1}},
            [
                "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
                "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
            ],
            id="lease",
        ),
        pytest.param(
            f"{CORE}/endpoints",
            {
                "subsets": [
                    {},
                    {"addresses": [{"ip": "1.2.3"}], "ports": [{"port": 0}, {"port": 1}]},
                ]
            },
            [
                "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
                'subsets[1].addresses[0].ip: Invalid value: "1.2.3": must be a valid IP address, '
                "(e.g. 10.9.8.7 or 2001:db8::ffff)",
                "subsets[1].ports[0].name: Required value",
                "subsets[1].ports[0].port: Invalid value: 0: must be between 1 and 65535",
                "subsets[1].ports[1].name: Required value",
            ],
            id="endpoints",
        ),
        pytest.param(
            NODES,
            {
                "spec": {
                    "taints": [
                        {"key": "a", "effect": "Odd"},
                        {"key": "b", "value": "-", "effect": "NoExecute"},
                        {"key": "b", "effect": "NoExecute"},
                        {"key": "c"},
                    ]
                }
            },
            [
                'spec.taints[0].effect: Unsupported value: "Odd": supported values: "NoSchedule", '
                '"PreferNoSchedule", "NoExecute"',
                'spec.taints[1].value: Invalid value: "-": a valid label must be',
                'spec.taints[2]: Duplicate value: {"key":"b","effect":"NoExecute"}: taints must be '
                "unique by key and effect pair",
                "spec.taints[3].effect: Required value",
            ],
            id="node",
        ),
        pytest.param(
            TOKEN,
            {"spec": {"expirationSeconds": 10}},
            [
                "spec.expirationSeconds: Invalid value: 10: may not specify a duration less than "
                "10 minutes"
            ],
            id="token",
        ),
    ],
)
async def test_refused(api: Api, path: str, body: dict[str, object], errors: list[str]) -> None:
    name = "default" if path == TOKEN else "a"
    answer = await api("POST", path, {"metadata": {"name": name}, **body})
    assert answer.status == 422, answer.body
    assert len(answer.body["details"]["causes"]) == len(errors)
    for error in errors:
        assert error in answer.message


async def test_endpoints_have_protocols(api: Api) -> None:
    subset = {"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}
    body = {"metadata": {"name": "a"}, "subsets": [subset]}
    made = await api.ok("PUT", f"{CORE}/endpoints/a", body)
    assert made["subsets"][0]["ports"] == [{"port": 80, "protocol": "TCP"}]


@pytest.mark.parametrize(
    "path",
    [
        f"{CORE}/persistentvolumeclaims",
        "/api/v1/persistentvolumes",
        "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
    ],
)
async def test_kinds_that_prune_asks_for_are_listed(api: Api, path: str) -> None:
    """`kubectl apply --prune` stops where one of its kinds is not known."""
    assert (await api.ok("GET", path))["items"] == []
    protobuf = "application/vnd.kubernetes.protobuf"
    assert (await api("POST", path, b"k8s\0", protobuf)).status == 501


async def test_the_root_tells_what_there_is(api: Api) -> None:
    paths = (await api.ok("GET", "/"))["paths"]
    assert paths == sorted(paths)
    assert {"/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/version"} <= set(paths)
    for path in paths:
        if path != "/metrics":  # of the daemon
            assert (await api("GET", path)).status == 200, path
