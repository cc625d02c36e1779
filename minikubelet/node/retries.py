"""When a start that failed without an instance is tried again.

Role: missing objects and refused settings are tried again like a failed sync (10 s and up to half
more), images without a local command like a failed pull (10 s … 300 s). Crash loops are not here:
they have an instance, and `pod/restarts.py` decides.
"""

from __future__ import annotations

import random
from dataclasses import replace

from minikubelet.clock import Clock
from minikubelet.manifest.pod import Container
from minikubelet.pod.observed import StartFailure
from minikubelet.pod.restarts import BackOffEntry, image_pull_back_off

SYNC_RETRY_SECONDS = 10.0


class Retries:
    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self.pulls: dict[str, BackOffEntry] = {}
        """By container."""

    def started(self, name: str) -> None:
        self.pulls.pop(name, None)

    def after(self, container: Container, failure: StartFailure) -> StartFailure:
        """What the container waits with after `failure`, and until when."""
        now = self._clock.monotonic()
        match failure.reason:
            case "ErrImagePull":
                entry = self.pulls.get(container.name)
                waiting, self.pulls[container.name] = image_pull_back_off(
                    container.image, failure.message, entry, now
                )
                return waiting
            case "CreateContainerConfigError" | "CreateContainerError":
                delay = SYNC_RETRY_SECONDS * (1 + self._rng.random() / 2)
                return replace(failure, retry_at=now + delay)
            case _:
                return failure
