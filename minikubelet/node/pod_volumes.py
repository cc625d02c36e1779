"""The volumes of one pod: set up before the first container, watched while it runs.

Role: retries a set-up that failed (L-139) and looks at emptyDir limits (L-142).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from minikubelet.journal import PodRef, VolumeFailed
from minikubelet.manifest.pod import Pod
from minikubelet.node.services import NodeServices
from minikubelet.node.stopping import Spawn
from minikubelet.runtime.volumes import VolumeError

FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 122.0
USAGE_PERIOD_SECONDS = 10.0


class PodVolumes:
    def __init__(
        self,
        pod: Pod,
        ref: PodRef,
        services: NodeServices,
        *,
        spawn: Spawn,
        changed: Callable[[], None],
    ) -> None:
        self.ready = not pod.spec.volumes
        self.eviction: str | None = None
        """The message once an emptyDir has outgrown its limit."""
        self.pod = pod
        self._ref = ref
        self._services = services
        self._spawn = spawn
        self._changed = changed
        self._busy = False
        self._stale = False
        self._retry_at: float | None = None
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._limited = any(
            v.empty_dir is not None and v.empty_dir.size_limit for v in pod.spec.volumes
        )
        self._usage_at = services.clock.monotonic() + USAGE_PERIOD_SECONDS

    def objects_changed(self) -> None:
        """A ConfigMap or Secret is another now: bring the volumes up to it (L-147), or try at once
        what has failed."""
        self._retry_at = None
        self._stale = True

    def check(self, now: float) -> float | None:
        """Begin what is due; the answer (monotonic) is when something is due next."""
        if self._busy:
            return None
        if not self.ready or self._stale:
            if self._retry_at is not None and now < self._retry_at:
                return self._retry_at
            self._begin(self._prepare())
            return None
        if not self._limited or self.eviction is not None:
            return None
        if now < self._usage_at:
            return self._usage_at
        self._begin(self._measure())
        return None

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._busy = True
        self._spawn(work)

    async def _prepare(self) -> None:
        files, self._stale = self._services.files, False
        try:
            await (files.update_volumes if self.ready else files.prepare_volumes)(self.pod)
            self.ready = True
        except VolumeError as error:
            clock = self._services.clock
            self._services.journal.append(
                VolumeFailed(at=clock.now(), pod=self._ref, volume=error.volume, message=str(error))
            )
            self._stale = self.ready
            self._retry_at = clock.monotonic() + self._retry_seconds
            self._retry_seconds = min(2 * self._retry_seconds, LAST_RETRY_SECONDS)
        finally:
            self._busy = False
            self._changed()

    async def _measure(self) -> None:
        try:
            self.eviction = await self._services.files.exceeded_empty_dir(self.pod)
        finally:
            self._usage_at = self._services.clock.monotonic() + USAGE_PERIOD_SECONDS
            self._busy = False
            self._changed()
