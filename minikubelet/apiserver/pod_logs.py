"""GET …/pods/NAME/log (K-64 … K-66, L-260 … L-266).

Role: parse the options, find the instance by the pod's status, stream its log; with `follow` until
that instance has ended or the pod is gone.
Invariants: files are read in threads, one small piece at a time and the next only when the client
has taken it; a client that goes away ends all of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web

from minikubelet.apiserver.pod_instances import (
    Instance,
    chosen_container,
    find_instance,
    is_running,
)
from minikubelet.apiserver.requests import Query, boolean, integer
from minikubelet.apiserver.responses import bad_request, invalid, not_found
from minikubelet.apiserver.services import ApiServices
from minikubelet.clock import Wakeup
from minikubelet.log import get_logger
from minikubelet.manifest.fieldpath import ErrorType, FieldError, FieldPath
from minikubelet.manifest.fieldpath import invalid as invalid_value
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.static_pods import running_uid
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.log_stream import LogChanges, LogOptions, LogStream
from minikubelet.runtime.records import read_launch
from minikubelet.store.kinds import known_resource
from minikubelet.store.objects import Change, Key
from minikubelet.value_class import dataclass

log = get_logger(__name__)

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_GONE_CHECK_SECONDS = 30.0
"""How often a quiet follower makes sure that its client is still there."""


_PODS = known_resource("", "v1", "pods")


@dataclass(frozen=True, slots=True)
class LogRequest:
    container: str
    follow: bool
    previous: bool
    options: LogOptions


class PodLogs:
    """`handle` is for the path `/api/v1/namespaces/{namespace}/pods/{name}/log`."""

    def __init__(self, services: ApiServices) -> None:
        self._services = services
        self._changes = LogChanges()
        self._followers: set[Wakeup] = set()
        self._ending = False

    def end(self) -> None:
        """The server stops: followers get what is written and then the end (A-4)."""
        self._ending = True
        for wakeup in self._followers:
            wakeup.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        key = Key("", "pods", request.match_info["namespace"], request.match_info["name"])
        found = self._services.store.get(key)
        if found is None:
            raise not_found(_PODS, key.name)
        pod = found.document
        asked = parse_log_request(request.query, key.name, self._services.clock.now())
        container = chosen_container(pod, asked.container)
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        layout = self._services.layout
        if layout is None or not (pod.get("spec") or {}).get("nodeName"):
            await response.prepare(request)  # as upstream: on no node yet, so nothing is said
            return response
        instance = find_instance(pod, container, previous=asked.previous)
        try:
            path = log_file(layout, pod, instance)
        except ValueError:  # a status that somebody else has written
            who = f'container "{container}" in pod "{key.name}"'
            raise bad_request(f"{who} is not available") from None
        with ExitStack() as stack:
            stream = LogStream(path, asked.options, lost=_teller_of_loss(key, container))
            stack.callback(stream.close)
            wakeup = Wakeup(self._services.clock)
            if asked.follow:
                self._followers.add(wakeup)
                stack.callback(self._followers.discard, wakeup)
                stack.callback(self._services.store.subscribe(_on_change(key, wakeup)))
                stack.callback(self._changes.subscribe(path.parent, _from_thread(wakeup)))

            def may_go_on() -> bool:
                return asked.follow and not self._ending and self._runs(key, pod, instance)

            try:
                await response.prepare(request)
                await self._send(request, response, stream, wakeup, may_go_on)
                await response.write_eof()
            except ConnectionError:
                pass  # the client has gone
        return response

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        stream: LogStream,
        wakeup: Wakeup,
        may_go_on: Callable[[], bool],
    ) -> None:
        clock = self._services.clock
        while True:
            wakeup.clear()
            # Looked at before reading: what an instance wrote is there when it has ended.
            final = not may_go_on()
            while (piece := await asyncio.to_thread(stream.read, final=final)) is not None:
                if piece:
                    await response.write(piece)
            if final or stream.complete or _is_gone(request):
                return
            await wakeup.wait(until=clock.monotonic() + _GONE_CHECK_SECONDS)

    def _runs(self, key: Key, pod: Json, instance: Instance) -> bool:
        found = self._services.store.get(key)
        if found is None or found.document["metadata"].get("uid") != pod["metadata"]["uid"]:
            return False
        return is_running(found.document, instance)


def parse_log_request(query: Query, name: str, now: datetime) -> LogRequest:
    """Raises ApiError 400 for what cannot be read, 422 for what is out of range."""
    tail, limit = integer(query, "tailLines"), integer(query, "limitBytes")
    since_seconds, since_time = integer(query, "sinceSeconds"), _since_time(query)
    request = LogRequest(
        container=query.get("container", ""),
        follow=boolean(query, "follow"),
        previous=boolean(query, "previous"),
        options=LogOptions(
            tail_lines=tail,
            since=since_time if since_seconds is None else _before(now, since_seconds),
            limit_bytes=limit,
            timestamps=boolean(query, "timestamps"),
        ),
    )
    errors = []
    if tail is not None and tail < 0:
        errors.append(_invalid("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        errors.append(_invalid("limitBytes", limit, "must be greater than 0"))
    if since_seconds is not None and since_time is not None:
        both = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        errors.append(FieldError(FieldPath(), ErrorType.FORBIDDEN, both))
    elif since_seconds is not None and since_seconds < 1:
        errors.append(_invalid("sinceSeconds", since_seconds, "must be greater than 0"))
    if errors:
        raise invalid("", "PodLogOptions", name, errors)
    return request


def log_file(layout: Layout, pod: Json, instance: Instance) -> Path:
    """The number in its name is what the instance was launched with; the status tells it too, but
    only for the newest two. Raises ValueError for names that are none."""
    uid = running_uid(pod)
    directory = layout.instance_dir(uid, instance.container, instance.container_id)
    launch = read_launch(directory) or {}
    number = launch.get("restart_count", instance.restart_count)
    metadata = pod["metadata"]
    return layout.log_path(
        metadata["namespace"], metadata["name"], uid, instance.container, int(number)
    )


def _teller_of_loss(key: Key, container: str) -> Callable[[], None]:
    def tell() -> None:
        log.warning(
            "a client reads a log too slowly, lines may be missing", pod=key, container=container
        )

    return tell


def _on_change(key: Key, wakeup: Wakeup) -> Callable[[Change], None]:
    def changed(change: Change) -> None:
        if change.object.key == key:
            wakeup.set()

    return changed


def _is_gone(request: web.Request) -> bool:
    transport = request.transport
    return transport is None or transport.is_closing()


def _from_thread(wakeup: Wakeup) -> Callable[[], None]:
    loop = asyncio.get_running_loop()

    def tell() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(wakeup.set)

    return tell


def _since_time(query: Query) -> datetime | None:
    text = query.get("sinceTime", "")
    if not text:
        return None
    try:
        if _RFC3339.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise bad_request(
        f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"'
    )


def _before(now: datetime, seconds: int) -> datetime | None:
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        return None


def _invalid(name: str, value: int, why: str) -> FieldError:
    return invalid_value(FieldPath().child(name), value, why)
