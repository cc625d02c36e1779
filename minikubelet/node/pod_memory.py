"""When the record of a pod's worker is written.

Role: gathers changes, and writes once per turn of the event loop; writes at once before something
is done that the next daemon must know of.
Invariants: what is equal to what was written last is not written. A disk that refuses is told of
once, and tried again until it takes the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from minikubelet.clock import Clock
from minikubelet.journal import PodRef
from minikubelet.log import get_logger
from minikubelet.node.pod_record import PodRecord
from minikubelet.node.services import KEEPS_NOTHING, PodKeeper

RETRY_SECONDS = 1.0

log = get_logger(__name__)


class PodMemory:
    def __init__(
        self, pod: PodRef, keeper: PodKeeper, clock: Clock, record: Callable[[], PodRecord]
    ) -> None:
        self._pod = pod
        self._keeper = keeper
        self._clock = clock
        self._record = record
        self._written: PodRecord | None = None
        self._planned = False
        self._failing = False

    def changed(self) -> None:
        """Something may have changed: write it when this turn of the event loop is over."""
        if self._keeper is not KEEPS_NOTHING and not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Write what has changed; a failure is tried again later."""
        self._planned = False
        try:
            self.write()
        except OSError as error:
            if not self._failing:
                log.error("cannot keep the record of a pod", pod=self._pod, error=error)
            self._failing = True
            if not self._planned:
                self._planned = True
                self._clock.call_at(self._clock.monotonic() + RETRY_SECONDS, self.flush)

    def write(self) -> None:
        """Write what has changed, now. Raises OSError."""
        if self._keeper is KEEPS_NOTHING:
            return
        record = self._record()
        if record != self._written:
            self._keeper.save(record)
            self._written = record
        self._failing = False
