"""Talk to one TCP peer until a conversation is over: the only code of the probes that has sockets.

Role: `converse` connects and moves bytes between a socket and a `Conversation`, which knows the
protocol and no socket (HTTP, TLS around it, gRPC, or nothing at all for a TCP probe).
Invariants: the event loop never blocks; every socket is closed when `converse` returns; one
deadline covers everything.
Optimistic: connecting and sending are tried at once and the loop is asked only when the kernel says
that they must wait, since on loopback they succeed at once. No SO_LINGER: it makes close() block,
and the kernel reuses ports in TIME-WAIT towards loopback (B-18).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Sequence
from typing import Protocol

from minikubelet.clock import Clock
from minikubelet.probes.addresses import Address, errno_text, sockaddr_text
from minikubelet.probes.readiness import readiness
from minikubelet.probes.trace import Connected, Connecting, NotConnected, Trace

READ_SIZE = 65536
MIN_SECONDS_PER_ADDRESS = 2.0
"""What each of several addresses gets at least, while the deadline allows (as Go's dialer)."""


class Conversation(Protocol):
    """The bytes of one connection. Methods may raise: `converse` passes that on."""

    @property
    def finished(self) -> bool:
        """Nothing more is to be sent or read."""
        ...

    @property
    def unread(self) -> bool:
        """The peer says more than is wanted: some of it is read before the close (B-16)."""
        ...

    def begin(self) -> bytes:
        """Connected: what to send first."""
        ...

    def receive(self, data: bytes) -> bytes:
        """Bytes of the peer, empty when it closed; answers what to send next."""
        ...


class DialError(Exception):
    """No connection; the text is Go's: `dial tcp <address>: <why>`."""


class DialTimeoutError(DialError):
    """No connection before the deadline; ends in `i/o timeout`."""


class ConnectionLostError(Exception):
    """Reading or writing failed; the text is Go's: `read tcp <from>-><to>: read: <why>`."""


class ConversationTimeoutError(Exception):
    """Connected, but not finished before the deadline."""


def connect_error(address: Address, number: int) -> DialError:
    """What connecting with this errno means."""
    return DialError(f"dial tcp {address}: connect: {errno_text(number)}")


async def converse(
    addresses: Sequence[Address],
    conversation: Conversation,
    deadline: float,
    clock: Clock,
    trace: Trace | None = None,
) -> None:
    """Connect to the first of `addresses` that accepts, and go on until `conversation.finished`.

    Raises DialError (that of the first address), ConnectionLostError, ConversationTimeoutError.
    """
    first_failure: DialError | None = None
    for index, address in enumerate(addresses):
        connect_by = _connect_deadline(len(addresses) - index, deadline, clock)
        connection = _Connection(address, conversation, trace)
        try:
            if not connection.advance():
                await connection.finish(connect_by, deadline)
            return
        except DialError as failure:
            first_failure = first_failure or failure
            if trace is not None:
                trace.note(NotConnected(str(failure)))
        finally:
            connection.close()
    raise first_failure or DialError("dial tcp: missing address")


def _connect_deadline(addresses_left: int, deadline: float, clock: Clock) -> float:
    if addresses_left == 1:
        return deadline
    now = clock.monotonic()
    return min(deadline, now + max(MIN_SECONDS_PER_ADDRESS, (deadline - now) / addresses_left))


class _Connection:
    """One socket and the callbacks that move it on."""

    __slots__ = (
        "_address",
        "_connect_by",
        "_connected",
        "_conversation",
        "_deadline",
        "_fd",
        "_outgoing",
        "_readiness",
        "_socket",
        "_trace",
        "_waiter",
        "_writing",
    )

    def __init__(self, address: Address, conversation: Conversation, trace: Trace | None) -> None:
        """Raises DialError when there is no socket to be had."""
        if trace is not None:
            trace.note(Connecting(str(address)))
        try:
            self._socket = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            raise DialError(f"dial tcp {address}: socket: {errno_text(error)}") from error
        self._socket.setblocking(False)
        self._fd = self._socket.fileno()
        self._address = address
        self._conversation = conversation
        self._trace = trace
        self._connected: bool | None = None
        self._outgoing: bytes | memoryview = b""
        self._writing: bool | None = None
        """What the socket is watched for; None before it is."""

    def advance(self) -> bool:
        """Take the next step if it need not wait; True when the conversation is finished.

        What was sent is not followed by an attempt to read: no peer answers that fast.
        """
        if not self._connected:
            if self._connect():
                self._send()
        elif self._outgoing:
            self._send()
        else:
            try:
                data = self._socket.recv(READ_SIZE)
            except BlockingIOError:
                return False
            except OSError as error:
                raise self._lost("read", error) from error
            self._outgoing = self._conversation.receive(data)
            self._send()
        return self._conversation.finished

    async def finish(self, connect_by: float, deadline: float) -> None:
        """Wait for the socket until the conversation is finished."""
        self._readiness = readiness()
        self._waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._deadline = deadline
        self._connect_by = connect_by
        self._expire_at(deadline if self._connected else connect_by)
        self._watch()
        await self._waiter

    def close(self) -> None:
        """Stop watching the socket, and close it: its number may be used again at once."""
        if self._writing is not None:
            self._readiness.forget(self._fd)
        if self._conversation.unread:
            with contextlib.suppress(OSError):
                self._socket.recv(READ_SIZE)
        self._socket.close()

    def _connect(self) -> bool:
        """Begin to connect, or see what came of it."""
        if self._connected is None:
            self._connected = False
            result = self._socket.connect_ex(self._address.sockaddr)
            if result == errno.EINPROGRESS:
                # On loopback the connection is there by now, and a second call tells.
                result = self._socket.connect_ex(self._address.sockaddr)
                if result == errno.EALREADY:
                    return False
        else:
            result = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not result and self._socket.getsockname() == self._address.sockaddr:
            # Nobody listens on a port that the kernel just gave to this very socket.
            result = errno.ECONNREFUSED
        if result:
            raise connect_error(self._address, result)
        self._connected = True
        if self._trace is not None:
            local = sockaddr_text(self._socket.getsockname())
            self._trace.note(Connected(str(self._address), local))
        self._outgoing = self._conversation.begin()
        return True

    def _send(self) -> None:
        """Send as much as goes of what is to be sent."""
        if not self._outgoing:
            return
        try:
            sent = self._socket.send(self._outgoing)
        except BlockingIOError:
            return
        except OSError:
            # The peer may have answered before it hung up: reading tells.
            self._outgoing = b""
            return
        if sent == len(self._outgoing):
            self._outgoing = b""
        else:
            self._outgoing = memoryview(self._outgoing)[sent:]

    def _lost(self, operation: str, error: OSError) -> ConnectionLostError:
        local = sockaddr_text(self._socket.getsockname())
        return ConnectionLostError(
            f"{operation} tcp {local}->{self._address}: {operation}: {errno_text(error)}"
        )

    def _watch(self) -> None:
        """Wait for the one thing that is needed next."""
        writing = not self._connected or bool(self._outgoing)
        if writing is not self._writing:
            self._writing = writing
            self._readiness.watch(self._fd, self._on_ready, writing=writing)

    def _on_ready(self) -> None:
        if self._waiter.done():
            return
        try:
            if self.advance():
                self._waiter.set_result(None)
            else:
                self._watch()
        except Exception as error:
            self._waiter.set_exception(error)

    def _expire_at(self, when: float) -> None:
        self._readiness.expire_at(self._fd, when, self._expire)

    def _expire(self) -> None:
        if self._waiter.done():
            return
        if not self._connected:
            self._waiter.set_exception(DialTimeoutError(f"dial tcp {self._address}: i/o timeout"))
        elif self._connect_by < self._deadline:  # that was the deadline of connecting only
            self._connect_by = self._deadline
            self._expire_at(self._deadline)
        else:
            self._waiter.set_exception(ConversationTimeoutError())
