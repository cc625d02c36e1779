"""The runtime of simulations on a fake clock, on a host without control groups; it notes what
happened."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from minikubelet.pod.commands import OUTPUT_LIMIT, ExecResult
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.processes import ContainerEvent, ContainerExitedEvent
from minikubelet.runtime.records import StartRecord
from minikubelet.simulate.app import App, Script
from minikubelet.simulate.runtime import ScriptedRuntime
from tests.fakes.clock import FakeClock

__all__ = ["App", "FakeRuntime"]


class FakeRuntime(ScriptedRuntime):
    """`apps` by container name: one per start, the last one for all further starts. `told` is what
    happened, with seconds since the beginning. `hooks`: seconds and exit code of commands that are
    run in containers."""

    def __init__(
        self,
        clock: FakeClock,
        apps: Mapping[str, Sequence[App]],
        hooks: Mapping[tuple[str, ...], tuple[float, int]],
    ) -> None:
        super().__init__(
            clock,
            random.Random(1),
            lambda spec: Script(tuple(apps.get(spec.container_name, (App(),)))),
            command_times=lambda spec, app, argv: hooks[tuple(argv)],
            on_event=self._note,
        )
        self.listener: Callable[[ContainerEvent], None] = lambda event: None
        self.told: list[tuple[float, str]] = []
        self.start_bugs: list[Exception] = []
        """One per start, raised when the container runs already."""
        self.deaf = False
        """Requests to stop are taken, and nothing comes of them."""
        self._fake_clock = clock
        self._began = clock.monotonic()
        self._names: dict[str, str] = {}
        self._begun: dict[str, StartRecord] = {}

    async def start(self, spec: LaunchSpec) -> StartRecord:
        if spec.container_id in self._begun:
            return self._begun[spec.container_id]
        name = self._names[spec.container_id] = spec.container_name
        try:
            record = await super().start(spec)
        except ContainerStartError:
            self._tell(f"{name} cannot start")
            raise
        self._tell(f"{name} starts")
        record = replace(record, cpu_unlimited=spec.cpu_limit_millis is not None)
        self._begun[spec.container_id] = record
        if self.start_bugs:
            raise self.start_bugs.pop(0)
        return record

    def stop(self, container_id: str, grace_period_seconds: float) -> None:
        if self.instance(container_id) is not None:
            name = self._names[container_id]
            self._tell(f"{name} is stopped with {grace_period_seconds:g} s")
        if not self.deaf:
            super().stop(container_id, grace_period_seconds)

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
        self._tell(f"{self._names[container_id]} runs {' '.join(argv)}")
        return await super().exec(
            container_id, argv, timeout=timeout, output_limit=output_limit, env=env
        )

    def _note(self, event: ContainerEvent) -> None:
        if isinstance(event, ContainerExitedEvent):
            self._tell(f"{self._names[event.container_id]} exits {event.record.exit_code}")
        self.listener(event)

    def _tell(self, what: str) -> None:
        self.told.append((round(self._fake_clock.monotonic() - self._began, 3), what))
