"""What clients read about the API itself: version, discovery, OpenAPI (K-11, K-14 … K-19, K-99).

Role: handlers around the pure documents of `discovery.py` and `openapi.py`.
"""

from __future__ import annotations

import asyncio
import platform
import sys
from collections.abc import Callable

import orjson
from aiohttp import web

from minikubelet import __version__
from minikubelet.apiserver import discovery, openapi
from minikubelet.apiserver.responses import no_such_path
from minikubelet.apiserver.services import Handler, Route
from minikubelet.manifest.json_tree import Json

_AGGREGATED = "as=APIGroupDiscoveryList"
_OTHER_PATHS = {
    "/healthz",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/version",
}
_OPENAPI_JSON = b'{"swagger":"2.0","info":{"title":"minikubelet","version":"v2"},"paths":{}}'


def document_routes() -> tuple[Route, ...]:
    version = _constant(
        discovery.version_info(
            minikubelet=__version__,
            python=platform.python_version(),
            platform=f"{sys.platform}/{platform.machine()}",
        )
    )
    core = _discovery(True, discovery.api_versions)
    groups = _discovery(False, discovery.api_group_list)
    return (
        Route("GET", "/", _constant({"paths": _paths()})),
        Route("GET", "/version", version),
        Route("GET", "/version/", version),
        Route("GET", "/api", core),
        Route("GET", "/api/", core),
        Route("GET", "/apis", groups),
        Route("GET", "/apis/", groups),
        Route("GET", "/api/{version}", _resources),
        Route("GET", "/api/{version}/", _resources),
        Route("GET", "/apis/{group}", _group),
        Route("GET", "/apis/{group}/", _group),
        Route("GET", "/apis/{group}/{version}", _resources),
        Route("GET", "/apis/{group}/{version}/", _resources),
        Route("GET", "/openapi/v2", _openapi_v2),
        Route("GET", "/openapi/v3", _openapi_v3_index),
        Route("GET", "/openapi/v3/", _openapi_v3_index),
        Route("GET", "/openapi/v3/api/{version}", _openapi_v3),
        Route("GET", "/openapi/v3/apis/{group}/{version}", _openapi_v3),
    )


def _paths() -> list[str]:
    """What there is to read, as `kubectl get --raw /` shows it."""
    served = {f"/openapi/v3/{place}" for place in openapi.openapi_v3_places()}
    for place in openapi.openapi_v3_places():
        root, *rest = place.split("/")
        served |= {f"/{'/'.join((root, *rest[:depth]))}" for depth in range(len(rest) + 1)}
    return sorted(served | _OTHER_PATHS)


def wanted_discovery(accept: str) -> str:
    """The version of the aggregated form that comes first; empty for the plain form."""
    for element in accept.split(","):
        parts = [part.strip() for part in element.split(";")]
        if _AGGREGATED in parts and "g=apidiscovery.k8s.io" in parts:
            for version in ("v2", "v2beta1"):
                if f"v={version}" in parts:
                    return version
        elif parts[0] in ("application/json", "*/*") and _AGGREGATED not in parts:
            return ""
    return ""


def _json(document: Json | None, headers: dict[str, str] | None = None) -> web.Response:
    if document is None:
        raise no_such_path()
    return web.Response(
        body=orjson.dumps(document), content_type="application/json", headers=headers
    )


def _constant(document: Json) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return _json(document)

    return handle


def _discovery(core: bool, plain: Callable[[], Json]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        version = wanted_discovery(request.headers.get("Accept", ""))
        if not version:
            return _json(plain(), {"Vary": "Accept"})
        document = discovery.aggregated_discovery(core=core, version=version)
        content_type = discovery.discovery_content_type(version)
        return web.Response(
            body=orjson.dumps(document), headers={"Content-Type": content_type, "Vary": "Accept"}
        )

    return handle


async def _group(request: web.Request) -> web.StreamResponse:
    return _json(discovery.api_group(request.match_info["group"]))


async def _resources(request: web.Request) -> web.StreamResponse:
    group = request.match_info.get("group", "")
    return _json(discovery.api_resource_list(group, request.match_info["version"]))


async def _openapi_v2(request: web.Request) -> web.StreamResponse:
    if "proto-openapi" not in request.headers.get("Accept", ""):
        return web.Response(body=_OPENAPI_JSON, content_type="application/json")
    return web.Response(
        body=openapi.openapi_v2(), headers={"Content-Type": openapi.OPENAPI_V2_TYPE}
    )


async def _openapi_v3_index(request: web.Request) -> web.StreamResponse:
    """In a thread: the first client waits for all documents to be made, the others do not."""
    return _json(await asyncio.to_thread(openapi.openapi_v3_index))


async def _openapi_v3(request: web.Request) -> web.StreamResponse:
    """The address holds the hash of the content, so clients may keep it for ever (K-100)."""
    group, version = request.match_info.get("group", ""), request.match_info["version"]
    body = await asyncio.to_thread(openapi.openapi_v3, group, version)
    if body is None:
        raise no_such_path()
    etag = f'"{openapi.openapi_v3_hash(group, version)}"'
    headers = {"ETag": etag, "Vary": "Accept"}
    if "hash" in request.query:
        headers["Cache-Control"] = "public, immutable"
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)
