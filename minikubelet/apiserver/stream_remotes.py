"""The client's side of an exec or attach session, over either transport.

Role: one shape for both: what the client says comes as events, what it is told goes by channel.
Invariants: nothing is read from the client before somebody asks for the next event; `finish` keeps
the order of K-70 and K-73.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from aiohttp import WSMsgType, web

from minikubelet.apiserver.stream_requests import SpdyVersion, StreamOptions
from minikubelet.apiserver.stream_spdy import SpdyMux
from minikubelet.apiserver.stream_timing import within
from minikubelet.apiserver.wire.channels import Channel, ChannelProtocol
from minikubelet.apiserver.wire.outcomes import Outcome
from minikubelet.apiserver.wire.spdy import (
    GoingAway,
    ResetStatus,
    StreamData,
    StreamOpened,
    StreamReset,
)
from minikubelet.apiserver.wire.terminal import SizeReader, TerminalSize
from minikubelet.clock import Clock
from minikubelet.log import get_logger
from minikubelet.value_class import dataclass

log = get_logger(__name__)

_STREAM_TYPES = {
    Channel.ERROR: "error",
    Channel.STDIN: "stdin",
    Channel.STDOUT: "stdout",
    Channel.STDERR: "stderr",
    Channel.RESIZE: "resize",
}
_SETUP_SECONDS = 30.0
_LEAVE_SECONDS = 5.0
_EARLY_EVENTS = 64


@dataclass(frozen=True, slots=True)
class Input:
    data: bytes


@dataclass(frozen=True, slots=True)
class InputEnd:
    pass


RemoteEvent = Input | InputEnd | TerminalSize


class Remote(Protocol):
    """`receive` is for one task, `send` for one."""

    async def receive(self) -> RemoteEvent | None:
        """None when the client has gone."""
        ...

    async def send(self, channel: int, data: bytes) -> None:
        """Waits while the client does not read. Raises ConnectionError."""
        ...

    async def keep_alive(self) -> None:
        """While nothing is received: keep the client patient, and notice when it has gone."""
        ...

    async def finish(self, outcome: Outcome) -> None:
        """How it ended, then the end. Raises ConnectionError."""
        ...


class WebSocketRemote:
    def __init__(self, ws: web.WebSocketResponse, protocol: ChannelProtocol) -> None:
        self._ws = ws
        self._protocol = protocol
        self._events: deque[RemoteEvent] = deque()
        self._sizes = SizeReader()

    async def receive(self) -> RemoteEvent | None:
        while not self._events:
            message = await self._ws.receive()
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                return None
            try:
                decoded = self._protocol.decode(message.data)
            except ValueError as err:
                log.info("a client sends what its protocol does not have", why=str(err))
                return None
            if decoded is not None:
                self._take(*decoded)
        return self._events.popleft()

    async def send(self, channel: int, data: bytes) -> None:
        message = self._protocol.encode(channel, data)
        if isinstance(message, str):
            await self._ws.send_str(message)
        else:
            await self._ws.send_bytes(message)

    async def keep_alive(self) -> None:
        # Pings wait unread behind the data, so kubectl would give up after a minute (K-71).
        await self._ws.pong()

    async def finish(self, outcome: Outcome) -> None:
        told = outcome.encode(as_status=self._protocol.status_json)
        if told:
            await self.send(Channel.ERROR, told)
        await self._ws.close(code=1000)

    def _take(self, channel: int, data: bytes) -> None:
        match channel:
            case Channel.STDIN if data:
                self._events.append(Input(data))
            case Channel.RESIZE:
                self._events.extend(self._sizes.feed(data))
            case Channel.CLOSE if self._protocol.half_close and data[:1] == bytes((Channel.STDIN,)):
                self._events.append(InputEnd())


class SpdyRemote:
    """Ready to be used when `set_up` has returned True."""

    def __init__(
        self, mux: SpdyMux, version: SpdyVersion, options: StreamOptions, clock: Clock
    ) -> None:
        self._mux = mux
        self._version = version
        self._clock = clock
        self._expected = _expected(version, options)
        self._streams: dict[int, int] = {}
        """Stream ids by channel."""
        self._early: deque[StreamData] = deque()
        self._events: deque[RemoteEvent] = deque()
        self._sizes = SizeReader()

    async def set_up(self) -> bool:
        """Wait for the streams that the request announced (K-72); False when they do not come."""
        try:
            async with within(self._clock, _SETUP_SECONDS):
                while self._expected:
                    event = await self._mux.next_event()
                    match event:
                        case StreamOpened():
                            self._opened(event)
                        case StreamData() if len(self._early) < _EARLY_EVENTS:
                            self._early.append(event)
                        case StreamReset():
                            pass
                        case _:
                            return False
        except TimeoutError:
            log.info("a client has not opened its streams", missing=sorted(self._expected.values()))
            return False
        return True

    async def receive(self) -> RemoteEvent | None:
        while not self._events:
            event = self._early.popleft() if self._early else await self._mux.next_event()
            match event:
                case StreamData():
                    self._take(event)
                case StreamOpened():
                    self._mux.reset(event.stream_id, ResetStatus.INVALID_STREAM)
                case StreamReset(stream_id):
                    if stream_id == self._streams.get(Channel.STDIN):
                        self._events.append(InputEnd())
                    elif stream_id == self._streams[Channel.ERROR]:
                        return None
                case GoingAway() | None:
                    return None
        return self._events.popleft()

    async def send(self, channel: int, data: bytes) -> None:
        if (stream_id := self._streams.get(channel)) is not None:
            await self._mux.send(stream_id, data)

    async def keep_alive(self) -> None:
        self._mux.ping()

    async def finish(self, outcome: Outcome) -> None:
        told = outcome.encode(as_status=self._version.status_json)
        await self.send(Channel.ERROR, told)
        for channel in (Channel.STDOUT, Channel.STDERR, Channel.ERROR, Channel.STDIN):
            if (stream_id := self._streams.get(channel)) is not None:
                self._mux.close_stream(stream_id)
        await self._mux.go_away()
        try:
            async with within(self._clock, _LEAVE_SECONDS):
                await self._mux.until_client_leaves()
        except TimeoutError:
            pass

    def _opened(self, event: StreamOpened) -> None:
        kind = event.headers.get("streamtype", "")
        channel = next((c for c, name in self._expected.items() if name == kind), None)
        if channel is None:
            self._mux.reset(event.stream_id, ResetStatus.INVALID_STREAM)
            return
        del self._expected[channel]
        self._streams[channel] = event.stream_id
        if event.fin:
            self._early.append(StreamData(event.stream_id, b"", fin=True))

    def _take(self, event: StreamData) -> None:
        if event.stream_id == self._streams.get(Channel.STDIN):
            if event.data:
                self._events.append(Input(event.data))
            if event.fin:
                self._events.append(InputEnd())
        elif event.stream_id == self._streams.get(Channel.RESIZE):
            self._events.extend(self._sizes.feed(event.data))


def _expected(version: SpdyVersion, options: StreamOptions) -> dict[int, str]:
    wanted = {
        Channel.ERROR: True,
        Channel.STDIN: options.stdin,
        Channel.STDOUT: options.stdout,
        Channel.STDERR: options.stderr,
        Channel.RESIZE: options.tty and version.resize,
    }
    return {
        int(channel): _STREAM_TYPES[channel] for channel, is_wanted in wanted.items() if is_wanted
    }
