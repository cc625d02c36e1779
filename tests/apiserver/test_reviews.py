"""`kubectl auth can-i` and `whoami`."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.apiserver.access import Access
from minikubelet.apiserver.reviews import reviews_routes
from tests.apiserver.serving import client, serving
from tests.fakes.clock import FakeClock

TOKEN = "t" * 64
ROUTES = reviews_routes(Access(TOKEN), FakeClock())
ACCESS_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
ACCESS_BODY = {
    "kind": "SelfSubjectAccessReview",
    "apiVersion": "authorization.k8s.io/v1",
    "spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}},
}


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        (ACCESS_PATH, "SelfSubjectAccessReview", {"allowed": True}),
        (
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            "SelfSubjectRulesReview",
            {
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                "incomplete": False,
            },
        ),
        *(
            (
                f"/apis/authentication.k8s.io/{version}/selfsubjectreviews",
                "SelfSubjectReview",
                {
                    "userInfo": {
                        "username": "minikubelet",
                        "groups": ["system:masters", "system:authenticated"],
                    }
                },
            )
            for version in ("v1", "v1beta1")
        ),
    ],
)
async def test_answers(path: str, kind: str, status: dict[str, Any]) -> None:
    version = "/".join(path.split("/")[2:4])
    spec = {"namespace": "x", "resourceAttributes": {"verb": "get"}}
    body = {"kind": kind, "apiVersion": version, "spec": spec}
    async with (
        serving(ROUTES) as served,
        client(served, TOKEN) as session,
        session.post(path, json=body) as response,
    ):
        assert response.status == 201
        answer = await response.json()
    assert answer["status"] == status
    assert (answer["kind"], answer["apiVersion"]) == (kind, version)
    assert answer["spec"] == spec
    if kind == "SelfSubjectReview":
        assert answer["metadata"] == {"creationTimestamp": "2026-01-01T00:00:00Z"}


async def test_a_protobuf_body_is_read() -> None:  # K-93
    version, kind = b"authorization.k8s.io/v1", b"SelfSubjectAccessReview"
    meta = b"\x0a%c%b\x12%c%b" % (len(version), version, len(kind), kind)
    attributes = b"\x12\x06create\x2a\x04pods"
    spec = b"\x0a%c%b" % (len(attributes), attributes)
    review = b"\x12%c%b" % (len(spec), spec)
    body = b"k8s\0\x0a%c%b\x12%c%b" % (len(meta), meta, len(review), review)
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    async with (
        serving(ROUTES) as served,
        client(served, TOKEN) as session,
        session.post(ACCESS_PATH, data=body, headers=headers) as response,
    ):
        answer = await response.json()
    assert (response.status, answer["status"]) == (201, {"allowed": True})
    assert answer["spec"] == ACCESS_BODY["spec"]


@pytest.mark.parametrize(
    ("data", "content_type", "code"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"kind": "Pod", "apiVersion": "v1"}', "application/json", 400),
        (b"k8s", "application/vnd.kubernetes.protobuf", 400),
        (b"x", "text/html", 415),
    ],
)
async def test_what_cannot_be_read(data: bytes, content_type: str, code: int) -> None:
    headers = {"Content-Type": content_type}
    async with (
        serving(ROUTES) as served,
        client(served, TOKEN) as session,
        session.post(ACCESS_PATH, data=data, headers=headers) as response,
    ):
        assert response.status == code
        assert (await response.json())["kind"] == "Status"


@pytest.mark.parametrize(
    ("path", "spec", "code", "message"),
    [
        pytest.param(
            ACCESS_PATH,
            {},
            422,
            "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or "
            "resourceAttributes must be specified",
            id="about nothing",
        ),
        pytest.param(
            ACCESS_PATH,
            {"resourceAttributes": {}, "nonResourceAttributes": {"path": "/"}},
            422,
            "cannot be specified in combination with resourceAttributes",
            id="about both",
        ),
        pytest.param(
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            {},
            400,
            "no namespace on request",
            id="nowhere",
        ),
    ],
)
async def test_refuses(path: str, spec: dict[str, Any], code: int, message: str) -> None:
    async with (
        serving(ROUTES) as served,
        client(served, TOKEN) as session,
        session.post(path, json={"spec": spec}) as response,
    ):
        assert response.status == code
        assert message in (await response.json())["message"]
