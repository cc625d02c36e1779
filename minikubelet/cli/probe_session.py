"""One `minikubelet probe`: the chosen probes, one after the other.

Role: makes the surroundings of exec probes, an idle process per container with the environment,
working directory and user that the container would have, and examines each probe.
Invariants: when `examine_all()` returns, no process of it is left.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from minikubelet.assembly import GivenObjects, base_environment, local_node, new_container_id
from minikubelet.cli.run_dir import layout_of, parts_of, run_directory
from minikubelet.clock import SystemClock
from minikubelet.manifest.pod import Container, Pod, Probe, ResourceRequirements
from minikubelet.pod.listeners import Listener
from minikubelet.probes.attempt import Attempt, Examined
from minikubelet.probes.examine import examine
from minikubelet.probes.prober import HandlerProber, ProbeTarget
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.tls import unverified_context
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.image_reference import ImageNameError
from minikubelet.runtime.images import ImageCatalog, resolve_command
from minikubelet.runtime.launcher import Launch, build_launch
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.listening import is_own_address, listeners
from minikubelet.runtime.processes import ProcessRuntime
from minikubelet.value_class import dataclass

_IDLE_SECONDS = "86400"
_USUAL_PATH = "/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class ChosenProbe:
    pod: Pod
    container: Container
    probe: Probe


@dataclass(frozen=True, slots=True)
class ProbeSession:
    pod_ip: str
    objects: GivenObjects
    catalog: ImageCatalog
    inherit_environment: bool
    may_look: bool

    async def examine_all(
        self, chosen: Sequence[ChosenProbe], tell: Callable[[Examined], None]
    ) -> None:
        """`tell` is called with each probe as soon as it has been examined."""
        clock = SystemClock()
        warm_up(chosen)
        async with self._surroundings(chosen) as surroundings:
            prober = HandlerProber(clock, surroundings.runtime)
            for item in chosen:
                target = ProbeTarget(item.pod, item.container, item.probe, "", self.pod_ip, {})
                try:
                    target = await surroundings.of(target)
                except ContainerStartError as error:
                    tell(_impossible(target, error))
                    continue
                tell(await examine(target, prober, clock, _listeners_at, may_look=self.may_look))

    @asynccontextmanager
    async def _surroundings(self, chosen: Sequence[ChosenProbe]) -> AsyncIterator[_Surroundings]:
        """With a directory and a runtime only where commands are to be run."""
        if not any(item.probe.exec is not None for item in chosen):
            yield _Surroundings(self, _runtime(()), None)
            return
        with run_directory() as path:
            runtime = _runtime(parts_of(path))
            try:
                await runtime.open()
                yield _Surroundings(self, runtime, layout_of(path))
            finally:
                await runtime.close()


class _Surroundings:
    """The idle processes beside which commands are run, one per container."""

    def __init__(
        self, session: ProbeSession, runtime: ProcessRuntime, layout: Layout | None
    ) -> None:
        self.runtime = runtime
        self._session = session
        self._layout = layout
        self._launches: dict[tuple[str, str], Launch] = {}

    async def of(self, target: ProbeTarget) -> ProbeTarget:
        """The target with what an exec probe needs. Raises ContainerStartError."""
        if target.probe.exec is None or self._layout is None:
            return target
        key = (target.pod.metadata.uid, target.container.name)
        launch = self._launches.get(key)
        if launch is None:
            launch = self._build(target.pod, target.container, self._layout)
            await self.runtime.start(launch.spec)
            self._launches[key] = launch
        return dataclasses.replace(
            target, container_id=launch.spec.container_id, environment=launch.environment
        )

    def _build(self, pod: Pod, container: Container, layout: Layout) -> Launch:
        session = self._session
        idle = idle_container(container, session.catalog)
        # No volumes, mounts and limits: commands meet the host's own files.
        spec = dataclasses.replace(pod.spec, volumes=(), host_aliases=())
        return build_launch(
            dataclasses.replace(pod, spec=spec),
            idle,
            container_id=new_container_id(),
            restart_count=0,
            node=local_node(session.pod_ip),
            layout=layout,
            lookup=session.objects,
            catalog=session.catalog,
            base_environment=base_environment(os.environ, inherit=session.inherit_environment),
            die_with_owner=True,
        )


def idle_container(container: Container, catalog: ImageCatalog) -> Container:
    """The container with a command that does nothing, in the directory that it would have: its
    own or its image's, else the current one."""
    program = shutil.which("sleep", path=_USUAL_PATH) or "sleep"
    idle = dataclasses.replace(
        container,
        command=(program, _IDLE_SECONDS),
        args=(),
        volume_mounts=(),
        resources=ResourceRequirements(),
        termination_message_path="/dev/termination-log",
        stdin=False,
        tty=False,
    )
    directory = container.working_dir
    with contextlib.suppress(ImageNameError):  # the launch says so in the words of a status
        directory = directory or resolve_command(idle, catalog).working_dir
    return dataclasses.replace(idle, working_dir=directory or str(Path.cwd()))


def warm_up(chosen: Sequence[ChosenProbe]) -> None:
    """What the live prober loads once and for all is not part of an attempt's time."""
    if any(item.probe.grpc is not None for item in chosen):
        importlib.import_module("minikubelet.probes.grpc")
    if any(item.probe.http_get is not None for item in chosen):
        unverified_context()


def _runtime(cleanup: Sequence[Path]) -> ProcessRuntime:
    return ProcessRuntime(cleanup=cleanup, die_with_owner=True, on_event=lambda event: None)


def _impossible(target: ProbeTarget, error: ContainerStartError) -> Examined:
    """There is no place to run the command in."""
    text = f"cannot run the command as the container would: {error.message}"
    return Examined(Attempt(target, (), ProbeResult(Outcome.UNKNOWN, error=text), 0.0))


def _listeners_at(address: str) -> tuple[Listener, ...] | None:
    return listeners() if is_own_address(address) else None
