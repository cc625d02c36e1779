"""OpenAPI documents from the field table (K-99 … K-103).

Role: what kubectl reads before `create`, `apply` and `explain`. Pure.
Invariants: a document is made when it is first asked for and never changes after; every reference
in it leads to a schema in it.
Upstream: the form of kube-apiserver's `/openapi/v3`. Differs: the texts are our own, in
`openapi_schemas.py`; paths hold only what kubectl looks for: which kinds take `fieldValidation`.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache

from minikubelet.apiserver.discovery import KUBERNETES_VERSION
from minikubelet.apiserver.openapi_schemas import schemas_of
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import RESOURCES, Resource

OPENAPI_V2_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def openapi_v2() -> bytes:
    """The smallest document that kubectl 1.27 and 1.28 can parse: version 2.0, nothing else."""
    return b"\x0a\x032.0"


def openapi_v3_index() -> Json:
    """The documents, each at an address that changes with its content (K-100)."""
    paths: Json = {}
    for path, (group, version) in openapi_v3_places().items():
        digest = openapi_v3_hash(group, version)
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def openapi_v3_places() -> dict[str, tuple[str, str]]:
    """Each group and version by the path that its document has below the index's."""
    places = dict.fromkeys((r.group, r.version) for r in RESOURCES)
    return {_root(*place): place for place in places}


@cache
def openapi_v3(group: str, version: str) -> bytes | None:
    """The document of a group and version as JSON; None for what is not served."""
    resources = [r for r in RESOURCES if (r.group, r.version) == (group, version)]
    if not resources:
        return None
    document = {
        "openapi": "3.0.0",
        "info": {"title": "minikubelet", "version": f"v{KUBERNETES_VERSION}"},
        "paths": {_path(r): _path_item(r) for r in resources},
        "components": {"schemas": schemas_of(resources)},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


@cache
def openapi_v3_hash(group: str, version: str) -> str:
    """Of the document's content, for its address and its ETag."""
    return hashlib.sha256(openapi_v3(group, version) or b"").hexdigest().upper()


def _root(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _path(resource: Resource) -> str:
    namespace = "namespaces/{namespace}/" if resource.namespaced else ""
    name = "/{name}" if "get" in resource.verbs else ""
    return f"/{_root(resource.group, resource.version)}/{namespace}{resource.plural}{name}"


def _path_item(resource: Resource) -> Json:
    operation: Json = {
        "operationId": f"{'patch' if 'create' in resource.verbs else 'read'}{resource.kind}",
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
        "responses": {"200": {"description": "OK"}},
    }
    if "create" not in resource.verbs:
        return {"get": operation}
    # kubectl decides by the PATCH operation of a kind whether to send fieldValidation with a
    # create, so that a kind that can only be created shows one too (K-101).
    operation["parameters"] = [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]
    return {"patch": operation}
