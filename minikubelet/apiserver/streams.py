"""GET and POST …/pods/NAME/exec, attach and portforward (sections 11 and 12).

Role: checks before the upgrade, the upgrade over WebSocket or SPDY, then a session.
Invariants: both methods answer the same error for the same request (K-50); once upgraded nothing is
raised, since nobody could be told; when the server stops, every session ends by its protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from functools import partial

from aiohttp import web

from minikubelet.apiserver.port_forward import forward_over_spdy
from minikubelet.apiserver.port_forward_channels import forward_over_channels
from minikubelet.apiserver.responses import ApiError, not_found
from minikubelet.apiserver.services import ApiServices
from minikubelet.apiserver.stream_bridge import Bridge
from minikubelet.apiserver.stream_bytes import WebSocketBytes, upgrade
from minikubelet.apiserver.stream_remotes import Remote, SpdyRemote, WebSocketRemote
from minikubelet.apiserver.stream_requests import (
    PORT_FORWARD,
    SPDY_ACCEPTED_HEADER,
    SPDY_PROTOCOL_HEADER,
    TUNNELED_PORT_FORWARD,
    StreamOptions,
    Transport,
    UnsupportedProtocolError,
    Verb,
    choose_channels,
    choose_spdy_protocol,
    choose_spdy_version,
    forwarded_ports,
    forwarding_address,
    listed,
    requested_transport,
    running_container,
    stream_options,
)
from minikubelet.apiserver.stream_runtime import ContainerStream, StreamRuntime
from minikubelet.apiserver.stream_spdy import SpdyMux
from minikubelet.log import get_logger
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import known_resource
from minikubelet.store.objects import Key

log = get_logger(__name__)

_MAX_MESSAGE = 8 * 1024 * 1024


class PodStreams:
    """The handlers, for paths with `{namespace}` and `{name}`."""

    def __init__(self, services: ApiServices) -> None:
        self._services = services
        self._clock = services.clock
        self._stopping = asyncio.Event()

    def end(self) -> None:
        """The server stops: commands are killed, attached containers go on without us."""
        self._stopping.set()

    async def exec(self, request: web.Request) -> web.StreamResponse:
        return await _with_accepted(self._session(request, Verb.EXEC))

    async def attach(self, request: web.Request) -> web.StreamResponse:
        return await _with_accepted(self._session(request, Verb.ATTACH))

    async def port_forward(self, request: web.Request) -> web.StreamResponse:
        return await _with_accepted(self._forward(request))

    async def _session(self, request: web.Request, verb: Verb) -> web.StreamResponse:
        pod = self._pod(request)
        container_id = running_container(pod, request.query.get("container", ""), verb)
        options = stream_options(request.query, verb)
        runtime = self._services.streams
        if runtime is None:
            message = f"minikubelet does not serve pods/{verb} here"
            raise ApiError(501, "NotImplemented", message)
        start = partial(_open, runtime, container_id, verb, options)

        def bridge(remote: Remote) -> Bridge:
            return Bridge(
                remote, verb, stdin=options.stdin, clock=self._clock, stopping=self._stopping
            )

        if _transport(request) is Transport.WEBSOCKET:
            protocol = choose_channels(_websocket_offers(request))
            ws = await _websocket(request, [protocol.name])
            await bridge(WebSocketRemote(ws, protocol)).run(start)
            return ws
        version = choose_spdy_version(_spdy_offers(request))
        response, link = await upgrade(request, _spdy_headers(version.name))
        async with asyncio.TaskGroup() as group:
            mux = SpdyMux(link)
            writer = group.create_task(mux.write_all(), name="spdy")
            remote = SpdyRemote(mux, version, options, self._clock)
            if await remote.set_up():
                await bridge(remote).run(start)
            writer.cancel()
        return response

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        pod = self._pod(request)
        host = forwarding_address(pod)
        name = f"{pod['metadata']['name']}, uid {pod['metadata'].get('uid', '')}"
        if _transport(request) is Transport.SPDY:
            chosen = choose_spdy_protocol(_spdy_offers(request), (PORT_FORWARD,))
            response, link = await upgrade(request, _spdy_headers(chosen))
            await forward_over_spdy(link, host, name, self._clock, self._stopping)
            return response
        offers = _websocket_offers(request)
        if TUNNELED_PORT_FORWARD in offers:
            ws = await _websocket(request, [TUNNELED_PORT_FORWARD])
            await forward_over_spdy(WebSocketBytes(ws), host, name, self._clock, self._stopping)
            return ws
        protocol = choose_channels(offers)
        ports = forwarded_ports(request.query)
        ws = await _websocket(request, [protocol.name])
        await forward_over_channels(ws, protocol, host, ports, name, self._clock, self._stopping)
        return ws

    def _pod(self, request: web.Request) -> Json:
        key = Key("", "pods", request.match_info["namespace"], request.match_info["name"])
        found = self._services.store.get(key)
        if found is None:
            raise not_found(_PODS, key.name)
        return found.document


async def _open(
    runtime: StreamRuntime, container_id: str, verb: Verb, options: StreamOptions
) -> ContainerStream:
    """Raises ExecError."""
    stdin, stdout, stderr = options.stdin, options.stdout, options.stderr
    if verb is Verb.ATTACH:
        return await runtime.open_attach(container_id, stdin=stdin, stdout=stdout, stderr=stderr)
    return await runtime.open_exec(
        container_id, options.command, stdin=stdin, stdout=stdout, stderr=stderr, tty=options.tty
    )


async def _with_accepted(answering: Awaitable[web.StreamResponse]) -> web.StreamResponse:
    try:
        return await answering
    except UnsupportedProtocolError as err:
        headers = {SPDY_ACCEPTED_HEADER: ", ".join(err.accepted)}
        return web.json_response(err.status, status=err.code, headers=headers)


async def _websocket(request: web.Request, protocols: Iterable[str]) -> web.WebSocketResponse:
    """Upgraded. Raises ApiError, ConnectionError."""
    ws = web.WebSocketResponse(
        protocols=[name for name in protocols if name], max_msg_size=_MAX_MESSAGE, compress=False
    )
    try:
        await ws.prepare(request)
    except web.HTTPException as err:
        raise ApiError(err.status, "BadRequest", err.text or err.reason) from err
    return ws


def _transport(request: web.Request) -> Transport:
    headers = request.headers
    return requested_transport(headers.get("Upgrade", ""), headers.get("Connection", ""))


def _websocket_offers(request: web.Request) -> list[str]:
    return listed(request.headers.getall("Sec-WebSocket-Protocol", ()))


def _spdy_offers(request: web.Request) -> list[str]:
    return listed(request.headers.getall(SPDY_PROTOCOL_HEADER, ()))


def _spdy_headers(protocol: str) -> dict[str, str]:
    return {"Upgrade": Transport.SPDY.value, SPDY_PROTOCOL_HEADER: protocol}


_PODS = known_resource("", "v1", "pods")
