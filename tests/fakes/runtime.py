"""A runtime whose processes are scripts on a fake clock, on a host without control groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from minikubelet.pod.commands import ExecError, ExecResult
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.processes import ContainerEvent, ContainerExitedEvent
from minikubelet.runtime.records import ExitRecord, ResourceUsage, StartRecord
from tests.fakes.clock import FakeClock, FakeTimer


@dataclass(frozen=True)
class App:
    """What one instance does: `term_seconds` after TERM it exits; None ignores TERM."""

    exit_after: float | None = None
    exit_code: int = 0
    term_seconds: float | None = 0.0
    term_code: int = 143
    oom: bool = False
    start_error: ContainerStartError | None = None


@dataclass
class _Process:
    spec: LaunchSpec
    app: App
    exit_timer: FakeTimer | None = None
    kill_timer: FakeTimer | None = None


@dataclass
class FakeRuntime:
    """`apps` by container name: one per start, the last one for all further starts. `told` is what
    happened, with seconds since the beginning."""

    clock: FakeClock
    apps: Mapping[str, Sequence[App]] = field(default_factory=dict)
    hooks: Mapping[tuple[str, ...], tuple[float, int]] = field(default_factory=dict)
    """Seconds and exit code of commands that are run in containers."""
    on_event: Callable[[ContainerEvent], None] = lambda event: None
    told: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = self.clock.monotonic()
        self._processes: dict[str, _Process] = {}
        self._starts: dict[str, int] = {}

    def running(self) -> list[str]:
        return [process.spec.container_name for process in self._processes.values()]

    async def start(self, spec: LaunchSpec) -> StartRecord:
        name = spec.container_name
        number = self._starts.get(name, 0)
        self._starts[name] = number + 1
        apps = self.apps.get(name, (App(),))
        app = apps[min(number, len(apps) - 1)]
        if app.start_error is not None:
            self._tell(f"{name} cannot start")
            raise app.start_error
        process = self._processes[spec.container_id] = _Process(spec, app)
        self._tell(f"{name} starts")
        if app.exit_after is not None:
            process.exit_timer = self._later(spec, app.exit_after, app.exit_code)
        return StartRecord(
            container_id=spec.container_id,
            pid=1000 + sum(self._starts.values()),
            start_time=0,
            boot_id="boot",
            shim_pid=1,
            shim_start_time=0,
            created_at=self._nanoseconds(),
            started_at=self._nanoseconds(),
            started_monotonic=self.clock.monotonic(),
            cpu_unlimited=spec.cpu_limit_millis is not None,
        )

    def stop(self, container_id: str, grace_period_seconds: float) -> None:
        process = self._processes.get(container_id)
        if process is None:
            return
        name = process.spec.container_name
        self._tell(f"{name} is stopped with {grace_period_seconds:g} s")
        if process.kill_timer is not None:
            process.kill_timer.cancel()
        elif process.app.term_seconds is not None and grace_period_seconds > 0:
            self._later(process.spec, process.app.term_seconds, process.app.term_code)
        process.kill_timer = self._later(process.spec, grace_period_seconds, 137)

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        timeout: float | None,
        output_limit: int = 10240,
        env: Mapping[str, str] | None = None,
    ) -> ExecResult:
        process = self._processes.get(container_id)
        if process is None:
            raise ExecError("container not running")
        seconds, code = self.hooks[tuple(argv)]
        self._tell(f"{process.spec.container_name} runs {' '.join(argv)}")
        await self.clock.sleep(seconds)
        return ExecResult(code, b"", b"", False, 0.0, seconds)

    def _later(self, spec: LaunchSpec, seconds: float, code: int) -> FakeTimer:
        when = self.clock.monotonic() + seconds
        return self.clock.call_at(when, lambda: self._exit(spec, code))

    def _exit(self, spec: LaunchSpec, code: int) -> None:
        process = self._processes.pop(spec.container_id, None)
        if process is None:
            return
        self._tell(f"{spec.container_name} exits {code}")
        record = ExitRecord(
            container_id=spec.container_id,
            exit_code=code,
            signal=code - 128 if code > 128 else None,
            reason_hint="oom" if process.app.oom else "",
            finished_at=self._nanoseconds(),
            finished_monotonic=self.clock.monotonic(),
            boot_id="boot",
            message="",
            survivors=(),
            term_at=None,
            kill_at=None,
            rusage=ResourceUsage(user_seconds=0.0, system_seconds=0.0, max_rss_kilobytes=0),
            lost_log_bytes=0,
        )
        self.on_event(ContainerExitedEvent(spec.container_id, record))

    def _nanoseconds(self) -> int:
        return round(self.clock.now().timestamp() * 1e9)

    def _tell(self, what: str) -> None:
        self.told.append((round(self.clock.monotonic() - self._began, 3), what))
