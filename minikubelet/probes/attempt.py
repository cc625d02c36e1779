"""All that is known about one attempt of a probe: what hints are drawn from. Pure values.

Role: between `examine.py`, which finds things out, and `hints.py`, which reads them.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from minikubelet.pod.listeners import Listener
from minikubelet.probes.prober import ProbeTarget
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.trace import Connecting, Step
from minikubelet.value_class import dataclass

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Attempt:
    target: ProbeTarget
    steps: tuple[Step, ...]
    result: ProbeResult
    seconds: float

    @property
    def succeeded(self) -> bool:
        """As a verdict: a warning is a success (P-201)."""
        return not self.result.error and self.result.outcome in (Outcome.SUCCESS, Outcome.WARNING)

    @property
    def margin_seconds(self) -> float:
        """What was left of timeoutSeconds; negative after a time-out that was noticed late."""
        return self.target.probe.timeout_seconds - self.seconds

    def last(self, fact: type[F]) -> F | None:
        """The latest fact of this type."""
        return next((s.fact for s in reversed(self.steps) if isinstance(s.fact, fact)), None)

    @property
    def last_connection(self) -> Attempt:
        """With the steps of the last connection only: what came before led there by redirects."""
        begins = [i for i, step in enumerate(self.steps) if isinstance(step.fact, Connecting)]
        return replace(self, steps=self.steps[begins[-1] :]) if begins else self

    @property
    def peer(self) -> tuple[str, int] | None:
        """Address and port of the last connection that was tried."""
        connecting = self.last(Connecting)
        if connecting is None:
            return None
        host, _, port = connecting.address.rpartition(":")
        return host.strip("[]"), int(port)


class LookKind(StrEnum):
    """What is changed in a look."""

    HOST_HEADER = "Host header"
    PATH = "path"
    SCHEME = "scheme"
    TIMEOUT = "timeoutSeconds"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Look:
    """One more attempt, with the probe changed in one thing, to find what the first fails on."""

    kind: LookKind
    value: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Examined:
    """A probe's attempt with what was found around it."""

    attempt: Attempt
    looks: tuple[Look, ...] = ()
    listeners: tuple[Listener, ...] | None = None
    """None where that cannot be known: the address is not of this host."""

    def look(self, kind: LookKind) -> Look | None:
        """The look of this kind that succeeded."""
        return next((o for o in self.looks if o.kind is kind and o.attempt.succeeded), None)
