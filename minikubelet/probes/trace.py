"""What one attempt of a probe did, step by step.

Role: the mechanisms note facts in a `Trace` where they are given one; `minikubelet probe` tells
them. The live prober passes none, and then a step costs one comparison with None.
Invariants: facts are values, in the order in which they happened; nothing here changes what an
attempt does.
"""

from __future__ import annotations

from minikubelet.clock import Clock
from minikubelet.pod.commands import ExecResult
from minikubelet.value_class import dataclass

EXCERPT_BYTES = 2048
"""What is kept of the first bytes of an answer."""


@dataclass(frozen=True, slots=True)
class HostResolved:
    """A name; addresses written as such are not looked up."""

    host: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Connecting:
    address: str


@dataclass(frozen=True, slots=True)
class Connected:
    address: str
    local: str


@dataclass(frozen=True, slots=True)
class NotConnected:
    """This address was given up; the text is Go's."""

    why: str


@dataclass(frozen=True, slots=True)
class Secured:
    """The TLS handshake is done."""

    version: str
    cipher: str
    server_name: str
    """The name that was asked for; empty for an IP address (P-319)."""


@dataclass(frozen=True, slots=True)
class RequestSent:
    """A whole HTTP request."""

    url: str
    data: bytes


@dataclass(frozen=True, slots=True)
class CallSent:
    """A health check; `service` is empty for the server as a whole."""

    authority: str
    service: str


@dataclass(frozen=True, slots=True)
class FirstBytes:
    """What came first on a connection, decrypted, at most EXCERPT_BYTES; empty if it was closed."""

    data: bytes


@dataclass(frozen=True, slots=True)
class HeadRead:
    """The status line and the headers of an answer are complete."""

    status: int
    location: str


@dataclass(frozen=True, slots=True)
class BodyRead:
    body: bytes
    truncated: bool
    """There is more, which is never read (P-325)."""


@dataclass(frozen=True, slots=True)
class Redirected:
    """An answer that names another place, which is asked next or not (P-321 … P-324)."""

    location: str
    followed: bool


@dataclass(frozen=True, slots=True)
class HTTP2Ready:
    """The peer has sent its settings: what gRPC calls a ready connection."""


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """How a gRPC call ended, as grpc-go names it."""

    code: str
    message: str
    serving: str


@dataclass(frozen=True, slots=True)
class CommandRun:
    argv: tuple[str, ...]
    in_container: bool = False
    """Of a Pod that runs; else beside what is probed, on this host."""


@dataclass(frozen=True, slots=True)
class CommandEnded:
    result: ExecResult


Fact = (
    HostResolved
    | Connecting
    | Connected
    | NotConnected
    | Secured
    | RequestSent
    | CallSent
    | FirstBytes
    | HeadRead
    | BodyRead
    | Redirected
    | HTTP2Ready
    | CallAnswered
    | CommandRun
    | CommandEnded
)


@dataclass(frozen=True, slots=True)
class Step:
    """A fact, and how many seconds into the attempt it became one."""

    at_seconds: float
    fact: Fact


class Trace:
    """Collects the steps of one attempt, which begins now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._steps: list[Step] = []

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(self._steps)

    @property
    def seconds(self) -> float:
        """Since the attempt began."""
        return self._clock.monotonic() - self._began

    def note(self, fact: Fact) -> None:
        self._steps.append(Step(self.seconds, fact))
