"""Port-forward over SPDY, plain or tunneled in a WebSocket (K-88 … K-90).

Role: pairs of streams ⇄ connections to a pod's ports.
Invariants: a connection that fails disturbs no other; a pair that stays half is dropped after 30 s;
at most `_UNREAD` bytes wait for pods that do not read, then nothing more is read from the client
(K-84); nothing is raised but CancelledError.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import field

from minikubelet.apiserver.port_forward_connections import connect, refusal
from minikubelet.apiserver.stream_bytes import ByteLink, Connection
from minikubelet.apiserver.stream_requests import parse_port
from minikubelet.apiserver.stream_spdy import SpdyMux
from minikubelet.apiserver.stream_timing import within
from minikubelet.apiserver.wire.spdy import (
    GoingAway,
    ResetStatus,
    StreamData,
    StreamOpened,
    StreamReset,
)
from minikubelet.clock import Clock, Timer
from minikubelet.log import get_logger
from minikubelet.value_class import dataclass

log = get_logger(__name__)

_UNREAD = 1024 * 1024
_PAIRING_SECONDS = 30.0
_LEAVE_SECONDS = 5.0
_BEAT_SECONDS = 2.0


@dataclass(slots=True, eq=False)
class _Pair:
    """The two streams of one connection."""

    port: int
    request_id: str
    error_id: int = 0
    data_id: int = 0
    timer: Timer | None = None
    inbox: deque[bytes] = field(default_factory=deque)
    fin: bool = False
    """The client says no more."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def whole(self) -> bool:
        return bool(self.error_id and self.data_id)


async def forward_over_spdy(
    link: ByteLink, host: str, pod: str, clock: Clock, stopping: asyncio.Event
) -> None:
    """Until the client goes or the server stops. `pod`: its name and uid, for messages."""
    try:
        async with asyncio.TaskGroup() as group:
            mux = SpdyMux(link)
            writer = group.create_task(mux.write_all(), name="spdy")
            forwards = _Forwards(mux, host, pod, clock)
            tasks = (
                group.create_task(forwards.run(), name="forward"),
                group.create_task(stopping.wait(), name="stop"),
            )
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await _say_goodbye(mux, clock)
            writer.cancel()
        await link.close()
    except ConnectionError:
        pass
    except Exception:
        log.exception("port-forward failed", pod=pod)


async def _say_goodbye(mux: SpdyMux, clock: Clock) -> None:
    try:
        async with within(clock, _LEAVE_SECONDS):
            await mux.go_away()
    except (ConnectionError, TimeoutError):
        pass


class _Forwards:
    """All connections of one port-forward."""

    def __init__(self, mux: SpdyMux, host: str, pod: str, clock: Clock) -> None:
        self._mux = mux
        self._host = host
        self._pod = pod
        self._clock = clock
        self._half: dict[str, _Pair] = {}
        self._by_stream: dict[int, _Pair] = {}
        self._unread = 0
        self._taken = asyncio.Event()
        self._waiting = False

    async def run(self) -> None:
        """Until the client goes."""
        try:
            async with asyncio.TaskGroup() as group:
                beat = group.create_task(self._beat(), name="beat")
                while (event := await self._next()) is not None:
                    match event:
                        case StreamOpened():
                            self._opened(event, group)
                        case StreamData():
                            self._data(event)
                        case StreamReset(stream_id):
                            self._reset(stream_id)
                beat.cancel()
                for pair in {*self._by_stream.values()}:
                    if pair.task:
                        pair.task.cancel()
        finally:
            for pair in self._half.values():
                if pair.timer:
                    pair.timer.cancel()

    async def _next(self) -> StreamOpened | StreamData | StreamReset | None:
        self._waiting = True
        while self._unread > _UNREAD:
            self._taken.clear()
            await self._taken.wait()
        self._waiting = False
        event = await self._mux.next_event()
        return None if isinstance(event, GoingAway) else event

    async def _beat(self) -> None:
        """Who is not read from is not heard leaving, so he is written to."""
        while True:
            await self._clock.sleep(_BEAT_SECONDS)
            if self._waiting:
                self._mux.ping()

    # --- events

    def _opened(self, event: StreamOpened, group: asyncio.TaskGroup) -> None:
        kind, request_id = event.headers.get("streamtype"), event.headers.get("requestid", "")
        port = parse_port(event.headers.get("port", ""))
        if kind not in ("error", "data") or port is None or not request_id:
            self._mux.reset(event.stream_id, ResetStatus.PROTOCOL_ERROR)
            return
        pair = self._half.get(request_id)
        if pair is None:
            pair = self._half[request_id] = _Pair(port, request_id)
            due = self._clock.monotonic() + _PAIRING_SECONDS
            late = pair
            pair.timer = self._clock.call_at(due, lambda: self._drop(late))
        if (pair.data_id if kind == "data" else pair.error_id) or pair.port != port:
            self._mux.reset(event.stream_id, ResetStatus.PROTOCOL_ERROR)
            return
        self._by_stream[event.stream_id] = pair
        if kind == "data":
            pair.data_id, pair.fin = event.stream_id, event.fin
        else:
            pair.error_id = event.stream_id
        if pair.whole:
            del self._half[request_id]
            if pair.timer:
                pair.timer.cancel()
            pair.task = group.create_task(self._serve(pair), name=f"port {port}")

    def _data(self, event: StreamData) -> None:
        pair = self._by_stream.get(event.stream_id)
        if pair is None or event.stream_id != pair.data_id:
            return  # nothing is said on error streams, but that they end
        if event.data:
            pair.inbox.append(event.data)
            self._unread += len(event.data)
        pair.fin |= event.fin
        pair.arrived.set()

    def _reset(self, stream_id: int) -> None:
        pair = self._by_stream.get(stream_id)
        if pair is not None and stream_id == pair.data_id and pair.task:
            pair.task.cancel()
        elif pair is not None and not pair.whole:
            self._drop(pair)

    def _drop(self, pair: _Pair) -> None:
        """It stays half."""
        self._half.pop(pair.request_id, None)
        if pair.timer:
            pair.timer.cancel()
        for stream_id in filter(None, (pair.error_id, pair.data_id)):
            self._mux.reset(stream_id, ResetStatus.CANCEL)
        self._forget(pair)

    def _forget(self, pair: _Pair) -> None:
        self._by_stream.pop(pair.error_id, None)
        self._by_stream.pop(pair.data_id, None)
        while pair.inbox:
            self._took(pair.inbox.popleft())

    # --- one connection

    async def _serve(self, pair: _Pair) -> None:
        """Cancelled when the client gives it up."""
        connection = None
        try:
            connection = await connect(self._host, pair.port, self._clock)
            await self._carry(pair, connection)
        except OSError as err:
            told = refusal(self._host, pair.port, self._pod, err)
            self._mux.close_stream(pair.error_id, told.encode())
        except Exception:
            log.exception("forwarding failed", pod=self._pod, port=pair.port)
        finally:
            if connection is not None:
                connection.leave()
            # kubectl waits for the end of both, also of those that it has reset.
            self._mux.close_stream(pair.data_id)
            self._mux.close_stream(pair.error_id)
            self._forget(pair)

    async def _carry(self, pair: _Pair, connection: Connection) -> None:
        """Either side may close its half first; a connection that is lost is the end of both."""
        async with asyncio.TaskGroup() as group:
            upward = group.create_task(self._upward(pair, connection), name="upward")
            try:
                while data := await connection.read():
                    await self._mux.send(pair.data_id, data)
            except ConnectionError:
                upward.cancel()  # the client has gone
            self._mux.close_stream(pair.data_id)
            self._mux.close_stream(pair.error_id)
            if connection.lost:
                upward.cancel()

    async def _upward(self, pair: _Pair, connection: Connection) -> None:
        try:
            while True:
                while not pair.inbox and not pair.fin:
                    pair.arrived.clear()
                    await pair.arrived.wait()
                if not pair.inbox:
                    connection.write_eof()
                    return
                data = pair.inbox.popleft()
                try:
                    await connection.write((data,))
                finally:
                    self._took(data)
        except ConnectionError:
            pass  # the pod has closed; its last words are still being read

    def _took(self, data: bytes) -> None:
        self._unread -= len(data)
        self._taken.set()
