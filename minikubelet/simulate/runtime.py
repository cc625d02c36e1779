"""Containers that are scripts.

Role: the `ContainerRuntime` of a simulation: nothing is started; what a script says becomes the
events that `runtime/processes.py` would tell.
Invariants: no event of a container comes before `start()` has returned; the earliest deadline of a
stop wins (L-199).
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from minikubelet.clock import Clock, Timer
from minikubelet.manifest.pod import ProbeKind
from minikubelet.mock.health import Health
from minikubelet.pod.commands import OUTPUT_LIMIT, ExecError, ExecResult
from minikubelet.runtime.container_link import NOT_RUNNING
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.processes import (
    ContainerEvent,
    ContainerExitedEvent,
    StopStepEvent,
)
from minikubelet.runtime.records import ExitRecord, ResourceUsage, StartRecord
from minikubelet.simulate.app import App, Script

_BOOT_ID = "simulated"
_FIRST_PID = 1000
_KILLED = 128 + signal.SIGKILL
_TERMINATED = 128 + signal.SIGTERM

CommandTimes = Callable[[LaunchSpec, App, Sequence[str]], tuple[float, int]]
"""Seconds and exit code of a command that a hook runs in a container."""


class Instance:
    """One container that runs."""

    def __init__(self, spec: LaunchSpec, app: App, clock: Clock, rng: random.Random) -> None:
        self.spec = spec
        self.app = app
        self.started_at = clock.monotonic()
        self.term_at: float | None = None
        self.kill_timer: Timer | None = None
        self.kill_at = 0.0
        self.gone = False
        self._clock = clock
        self._rng = rng
        self._waiters: dict[asyncio.Future[None], None] = {}
        self._answers: Counter[ProbeKind] = Counter()

    @property
    def age(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self.started_at

    @property
    def listens(self) -> bool:
        return self.age >= self.app.health.listen_after

    def answer(self, kind: ProbeKind) -> tuple[Health, float]:
        """How it answers a probe that asks now, and after how many seconds.

        A liveness probe asks whether it is alive, the others whether it is ready.
        """
        app, number = self.app, self._answers[kind]
        self._answers[kind] = number + 1
        health = app.health.answer(self.age, number, readiness=kind is not ProbeKind.LIVENESS)
        seconds = app.health.slow
        if app.slowest is not None:
            seconds = self._rng.uniform(seconds, app.slowest)
        if app.failing_share and self._rng.random() < app.failing_share and health is Health.OK:
            health = Health.FAILING
        return health, seconds

    async def outlives(self, seconds: float) -> bool:
        """Wait so long; False, and sooner, when the instance ends before."""
        if seconds > 0 and not self.gone:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters[waiter] = None
            timer = self._clock.call_at(self._clock.monotonic() + seconds, partial(_wake, waiter))
            try:
                await waiter
            finally:
                timer.cancel()
                del self._waiters[waiter]
        return not self.gone

    def end(self) -> None:
        self.gone = True
        if self.kill_timer is not None:
            self.kill_timer.cancel()
        for waiter in self._waiters:
            _wake(waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class ScriptedRuntime:
    """A `ContainerRuntime`. `scripts` gives the script of a container."""

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        scripts: Callable[[LaunchSpec], Script],
        *,
        command_times: CommandTimes,
        on_event: Callable[[ContainerEvent], None],
    ) -> None:
        self.on_event = on_event
        self._clock = clock
        self._rng = rng
        self._scripts = scripts
        self._command_times = command_times
        self._instances: dict[str, Instance] = {}
        self._starts: Counter[tuple[str, str]] = Counter()

    def instance(self, container_id: str) -> Instance | None:
        """None when it does not run."""
        return self._instances.get(container_id)

    async def start(self, spec: LaunchSpec) -> StartRecord:
        """Raises ContainerStartError when the script says so."""
        key = (spec.pod_uid, spec.container_name)
        app = self._scripts(spec).app(self._starts[key])
        self._starts[key] += 1
        if app.start_error is not None:
            raise app.start_error
        instance = Instance(spec, app, self._clock, self._rng)
        self._instances[spec.container_id] = instance
        if app.exit_after is not None:
            if app.oom:
                self._exit_after(instance, app.exit_after, _KILLED, signal.SIGKILL, oom=True)
            else:
                self._exit_after(instance, app.exit_after, app.exit_code)
        now = self._nanoseconds()
        return StartRecord(
            container_id=spec.container_id,
            pid=_FIRST_PID + self._starts.total(),
            start_time=0,
            boot_id=_BOOT_ID,
            shim_pid=1,
            shim_start_time=0,
            created_at=now,
            started_at=now,
            started_monotonic=instance.started_at,
        )

    def stop(self, container_id: str, grace_period_seconds: float) -> None:
        """TERM, and KILL when the grace is over. May be repeated."""
        instance = self._instances.get(container_id)
        if instance is None:
            return
        now = self._clock.monotonic()
        kill_at = now + grace_period_seconds
        if instance.term_at is None:
            instance.term_at = now
            self._tell_step(instance, "TERM", grace_period_seconds, "SIGTERM")
            app = instance.app
            if app.term_seconds is not None and grace_period_seconds > 0:
                by_signal = signal.SIGTERM if app.term_code == _TERMINATED else None
                self._exit_after(instance, app.term_seconds, app.term_code, by_signal)
        elif kill_at >= instance.kill_at:
            return
        if instance.kill_timer is not None:
            instance.kill_timer.cancel()
        instance.kill_at = kill_at
        instance.kill_timer = self._clock.call_at(kill_at, lambda: self._kill(instance))

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        timeout: float | None,
        output_limit: int = OUTPUT_LIMIT,
        env: Mapping[str, str] | None = None,
        key: str = "",
    ) -> ExecResult:
        """The command of a hook. Raises ExecError."""
        instance = self._instances.get(container_id)
        if instance is None:
            raise ExecError(NOT_RUNNING)
        seconds, code = self._command_times(instance.spec, instance.app, argv)
        return await run_command(instance, seconds, code, timeout)

    def cancel_exec(self, container_id: str, key: str) -> None:
        """A command here ends with who waits for it."""

    def release(self, container_id: str) -> None:
        """Nothing is adopted here."""

    def _kill(self, instance: Instance) -> None:
        since_term = self._clock.monotonic() - (instance.term_at or 0.0)
        self._tell_step(instance, "KILL", since_term, "")
        self._exit(instance, _KILLED, signal.SIGKILL)

    def _tell_step(self, instance: Instance, step: str, seconds: float, detail: str) -> None:
        container_id, now = instance.spec.container_id, self._clock.monotonic()
        self.on_event(StopStepEvent(container_id, step, now, seconds, detail))

    def _exit_after(
        self,
        instance: Instance,
        seconds: float,
        code: int,
        by_signal: int | None = None,
        *,
        oom: bool = False,
    ) -> None:
        when = self._clock.monotonic() + seconds
        self._clock.call_at(when, lambda: self._exit(instance, code, by_signal, oom=oom))

    def _exit(
        self, instance: Instance, code: int, by_signal: int | None = None, *, oom: bool = False
    ) -> None:
        if instance.gone:
            return
        container_id = instance.spec.container_id
        del self._instances[container_id]
        instance.end()
        now = self._clock.monotonic()
        record = ExitRecord(
            container_id=container_id,
            exit_code=code,
            signal=by_signal,
            reason_hint="oom" if oom else "",
            finished_at=self._nanoseconds(),
            finished_monotonic=now,
            boot_id=_BOOT_ID,
            message="",
            survivors=(),
            term_at=None,
            kill_at=None,
            rusage=ResourceUsage(user_seconds=0.0, system_seconds=0.0, max_rss_kilobytes=0),
            lost_log_bytes=0,
        )
        # Later in the same moment: whoever is connected to it hears of its end before.
        self._clock.call_at(now, lambda: self.on_event(ContainerExitedEvent(container_id, record)))

    def _nanoseconds(self) -> int:
        return round(self._clock.now().timestamp() * 1e6) * 1000


async def run_command(
    instance: Instance, seconds: float, code: int, timeout: float | None
) -> ExecResult:
    """A command in a container: it ends after `seconds`, at its time-out, or with the container."""
    timed_out = timeout is not None and seconds >= timeout
    limit = timeout if timeout is not None and timed_out else seconds
    if not await instance.outlives(limit):
        return ExecResult(_KILLED, b"", b"", False, 0.0, limit)
    return ExecResult(_KILLED if timed_out else code, b"", b"", timed_out, 0.0, limit)
