"""Answers as people like to read them: YAML for who asks for it, indented JSON for who looks.

Role: the JSON of any handler, errors among it, → the form that the client prefers.
Upstream: apiserver pkg/endpoints/handlers/negotiation (isPrettyPrint), and the serializer of YAML.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from minikubelet.apiserver.negotiation import YAML_TYPE, wanted_form
from minikubelet.apiserver.requests import boolean
from minikubelet.apiserver.responses import ApiError
from minikubelet.manifest.object_yaml import yaml_text

_JSON_TYPE = "application/json"
_READERS = ("curl", "Wget")
_LARGE_BODY = 64 * 1024


@web.middleware
async def present(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    response = await handler(request)
    if not isinstance(response, web.Response) or response.content_type != _JSON_TYPE:
        return response
    body = response.body
    if not isinstance(body, bytes) or response.prepared:
        return response
    if _wants_yaml(request):
        response.content_type = YAML_TYPE
        response.body = await _changed(body, _as_yaml)
    elif _is_read_by_eye(request):
        response.body = await _changed(body, _indented)
    return response


def _wants_yaml(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    if "yaml" not in accept.lower():
        return False
    try:
        return wanted_form(accept).yaml
    except ApiError:
        return False


def _is_read_by_eye(request: web.Request) -> bool:
    """`?pretty`, or a tool of the command line, or the address line of a browser."""
    if request.query.getall("pretty", []):
        return boolean(request.query, "pretty")
    agent = request.headers.get("User-Agent", "")
    if agent.startswith("Mozilla"):
        return "text/html" in request.headers.get("Accept", "")
    return agent.startswith(_READERS)


async def _changed(body: bytes, change: Callable[[bytes], bytes]) -> bytes:
    if len(body) < _LARGE_BODY:
        return change(body)
    return await asyncio.to_thread(change, body)


def _as_yaml(body: bytes) -> bytes:
    return yaml_text(orjson.loads(body)).encode()


def _indented(body: bytes) -> bytes:
    return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
