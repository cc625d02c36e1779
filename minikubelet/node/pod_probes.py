"""The probe workers of one pod.

Role: makes one worker per container and probe kind (P-110), shows each what it needs to know, and
stops them in the order of P-166.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from minikubelet.manifest.pod import Container, Probe, ProbeKind, is_sidecar
from minikubelet.node.pod_state import PodState
from minikubelet.node.services import NodeServices
from minikubelet.node.stopping import Spawn
from minikubelet.pod.observed import RunState, Verdict
from minikubelet.pod.pod_status import PodStatus
from minikubelet.pod.probe_state import ProbeView
from minikubelet.pod.restarts import restart_all_trigger, should_start
from minikubelet.probes.worker import ProbeWorker
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class _Key:
    container: str
    kind: ProbeKind


class PodProbes:
    def __init__(
        self,
        state: PodState,
        services: NodeServices,
        *,
        spawn: Spawn,
        changed: Callable[[], None],
        status: Callable[[], PodStatus | None],
    ) -> None:
        self._state = state
        self._services = services
        self._spawn = spawn
        self._changed = changed
        self._status = status
        self._workers: dict[_Key, ProbeWorker] = {}
        self._ended: dict[_Key, str] = {}
        """The instance that a worker has ended with."""

    def ensure(self) -> None:
        """Every probe of every regular container and sidecar has its worker (P-110, P-111)."""
        pod = self._state.pod
        for container in (*pod.spec.containers, *pod.spec.init_containers):
            init = pod.is_init(container.name)
            if init and not is_sidecar(container, init=True):
                continue
            for probe in container.probes():
                key = _Key(container.name, probe.kind)
                if key not in self._workers and not self._has_ended(key):
                    self._workers[key] = worker = self._worker(container, probe, init=init)
                    self._spawn(self._run(key, worker))

    def _has_ended(self, key: _Key) -> bool:
        """Upstream makes such a worker again with each pass, and it ends at once (P-113); here its
        end would be the cause of the next pass."""
        run = self._state.latest(key.container)
        return run is not None and self._ended.get(key) == run.container_id

    def _worker(self, container: Container, probe: Probe, *, init: bool) -> ProbeWorker:
        return ProbeWorker(
            self._state.pod,
            container,
            probe,
            clock=self._services.clock,
            rng=self._services.rng,
            prober=self._services.prober,
            view=lambda: self._view(container, init=init),
            environment=lambda: self._environment(container.name),
            report=self._services.journal.append,
            store=lambda container_id, verdict: self._store(probe.kind, container_id, verdict),
        )

    def wake(self) -> None:
        for worker in self._workers.values():
            worker.wake()

    def stop_liveness_and_startup(self) -> None:
        """Termination begins: only readiness is probed from here on, for sidecars too (P-166,
        P-167)."""
        for key, worker in self._workers.items():
            if key.kind is not ProbeKind.READINESS:
                worker.stop()

    def stop(self) -> None:
        for worker in self._workers.values():
            worker.stop()

    async def _run(self, key: _Key, worker: ProbeWorker) -> None:
        try:
            await worker.run()
        finally:
            if self._workers.get(key) is worker:
                del self._workers[key]
                self._ended[key] = worker.state.container_id

    def _view(self, container: Container, *, init: bool) -> ProbeView:
        pod, status = self._state.pod, self._status()
        phase = status.phase if status else None
        run = self._state.latest(container.name)
        if run is None or run.state is RunState.CREATED or run.hook_pending:
            return ProbeView(phase)
        terminated = run.state is RunState.EXITED
        return ProbeView(
            phase,
            container_id=run.container_id,
            running=run.state is RunState.RUNNING,
            terminated=terminated,
            will_restart=terminated
            and (
                should_start(pod, container, run, init=init)
                or restart_all_trigger(pod, self._state.observed()) is not None
            ),
            started=container.startup_probe is None
            or self._state.observed().verdict(ProbeKind.STARTUP, run.container_id)
            is Verdict.SUCCESS,
            started_monotonic=run.started_monotonic or 0.0,
            adopted=run.container_id in self._state.adopted,
            pod_ip=self._services.node.ip,
        )

    def _environment(self, name: str) -> Mapping[str, str]:
        run = self._state.latest(name)
        return self._state.environments.get(run.container_id, {}) if run else {}

    def _store(self, kind: ProbeKind, container_id: str, verdict: Verdict | None) -> None:
        self._state.set_verdict(kind, container_id, verdict)
        self._changed()
