"""OpenAPI documents (K-99 … K-103)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minikubelet.apiserver.field_texts import described
from minikubelet.apiserver.openapi import (
    openapi_v2,
    openapi_v3,
    openapi_v3_hash,
    openapi_v3_index,
)
from minikubelet.manifest.schema import load_schema
from minikubelet.store.kinds import RESOURCES
from tests.apiserver.documents_server import kubectl_on_documents
from tests.kubectl import each_kubectl, oldest_and_newest

GROUP_VERSIONS = sorted({(r.group, r.version) for r in RESOURCES})
TEXTS = Path(described.__code__.co_filename).with_name("field_texts.json")


def document(group: str, version: str) -> dict[str, Any]:
    encoded = openapi_v3(group, version)
    assert encoded is not None
    decoded: dict[str, Any] = json.loads(encoded)
    return decoded


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def kinds_with_field_validation(group: str, version: str) -> set[str]:
    found = set()
    for path in document(group, version)["paths"].values():
        operation = path.get("patch", {})
        if any(p["name"] == "fieldValidation" for p in operation.get("parameters", ())):
            gvk = operation["x-kubernetes-group-version-kind"]
            assert (gvk["group"], gvk["version"]) == (group, version)
            found.add(gvk["kind"])
    return found


def test_v2_is_version_2_and_nothing_else() -> None:
    assert openapi_v2().hex() == "0a03322e30"


def test_the_index_names_each_document_by_its_content() -> None:
    # K-100
    paths = openapi_v3_index()["paths"]
    assert len(paths) == len(GROUP_VERSIONS)
    digest = openapi_v3_hash("batch", "v1")
    assert paths["apis/batch/v1"] == {
        "serverRelativeURL": f"/openapi/v3/apis/batch/v1?hash={digest}"
    }
    assert paths["api/v1"]["serverRelativeURL"].startswith("/openapi/v3/api/v1?hash=")
    assert digest != openapi_v3_hash("", "v1")
    assert openapi_v3("rbac.authorization.k8s.io", "v1") is None


@pytest.mark.parametrize(("group", "version"), GROUP_VERSIONS)
def test_documents_are_whole(group: str, version: str) -> None:
    whole = document(group, version)
    schemas = whole["components"]["schemas"]
    assert {r.removeprefix("#/components/schemas/") for r in references(whole)} <= schemas.keys()
    roots = {
        gvk["kind"]
        for schema in schemas.values()
        for gvk in schema.get("x-kubernetes-group-version-kind", ())
    }
    served = [r for r in RESOURCES if (r.group, r.version) == (group, version)]
    assert roots == {r.kind for r in served}
    # K-101: what can be created takes fieldValidation.
    creatable = {r.kind for r in served if "create" in r.verbs}
    assert kinds_with_field_validation(group, version) == creatable


def test_schemas_have_the_shapes_of_fields() -> None:
    schemas = document("", "v1")["components"]["schemas"]
    container = schemas["io.k8s.api.core.v1.Container"]["properties"]
    probe = {"$ref": "#/components/schemas/io.k8s.api.core.v1.Probe"}
    assert container["livenessProbe"]["allOf"] == [probe]
    assert container["env"]["type"] == "array"
    assert container["env"]["items"]["allOf"][0]["$ref"].endswith(".EnvVar")
    assert container["imagePullPolicy"]["enum"] == ["Always", "IfNotPresent", "Never"]
    metadata = schemas["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]["properties"]
    assert metadata["labels"]["additionalProperties"] == {"type": "string"}
    assert metadata["creationTimestamp"]["format"] == "date-time"
    # K-96: the fields of an embedded message belong to the one around it.
    assert "configMap" in schemas["io.k8s.api.core.v1.Volume"]["properties"]


def test_every_text_is_of_a_field() -> None:
    texts = json.loads(TEXTS.read_text(encoding="utf-8"))
    for message, fields in texts.items():
        if not message or message.startswith("metrics."):
            continue
        known = load_schema().fields(message)
        assert fields.keys() <= known.keys() | {"", "required"}, message
        assert set(fields.get("required", ())) <= known.keys(), message


def test_texts_say_what_works_otherwise_here() -> None:
    assert described("core.PodSpec", "restartPolicy").startswith("Whether containers start again")
    assert described("core.PodSpec", "dnsPolicy") == (
        "How names are looked up. Without effect here: names are resolved as on the host."
    )
    # Refused below another field, honored at its own place.
    assert "here:" not in described("core.Probe", "periodSeconds")
    assert described("apps.DaemonSetSpec", "nothing") == ""


@pytest.mark.parametrize("version", each_kubectl())
def test_kubectl_explains(version: str, tmp_path: Path) -> None:
    # K-102, K-103
    with kubectl_on_documents(version, tmp_path) as kubectl:
        fields = kubectl.ok("explain", "pod.spec.containers.livenessProbe", "--recursive")
        metrics = kubectl.ok("explain", "nodemetrics")
    lines = [line.strip() for line in fields.splitlines()]
    for line in (
        "exec\t<ExecAction>",
        "port\t<IntOrString> -required-",
        "periodSeconds\t<integer>",
    ):
        assert line in lines
    assert "KIND:       NodeMetrics" in metrics


@pytest.mark.parametrize("version", oldest_and_newest())
def test_kubectl_validates_what_it_creates(version: str, tmp_path: Path) -> None:
    # K-99: 1.27 and 1.28 stop when they cannot parse v2; all want fieldValidation in v3.
    with kubectl_on_documents(version, tmp_path) as kubectl:
        for kind, path in (
            ("Pod", "/api/v1/namespaces/default/pods"),
            ("SelfSubjectAccessReview", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ):
            api_version = next(r.api_version for r in RESOURCES if r.kind == kind)
            manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "p"}}
            ran = kubectl("create", "-f", "-", "--validate=strict", stdin=json.dumps(manifest))
            assert f"{path}?fieldManager=kubectl-create&fieldValidation=Strict" in ran.stderr
