"""What a container does now, in a clause: `runs since …`, `waits in back-off until …`. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from minikubelet.explain.causes import (
    has_completed,
    is_over_for_good,
    probe_failures,
    restart_policy,
    why_ended,
)
from minikubelet.explain.history import ContainerHistory, Life, PodHistory
from minikubelet.journal import BackOffStarted, ContainerAdopted
from minikubelet.manifest.pod import Pod, ProbeKind
from minikubelet.pod.wording import exit_status, one_line
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """What a container does now, in a clause: `runs since …`, `waits in back-off until …`."""

    text: str
    well: bool = False
    """It is as it should be: no reason for a pod not to be ready."""


def standing(
    container: ContainerHistory, history: PodHistory, pod: Pod | None, *, over: bool = False
) -> Standing:
    """`over`: nothing is started any more."""
    life = container.last
    if life is not None and life.running:
        return _of_running(container, life, pod)
    why = _start_failure(container)
    if life is None or life.exit is None:
        if why and life is not None and life.back_off is not None and not over:
            return Standing(
                f"waits in back-off until {_end(life.back_off)}: it cannot start: {why}"
            )
        if why:
            return Standing(f"cannot start: {why}")
        return Standing("was not started yet" if life is None else "is being started")
    if why:
        return Standing(f"cannot start: {why}")
    ended = why_ended(life, history, pod)
    if life.back_off is not None and not over:
        return Standing(f"waits in back-off until {_end(life.back_off)}: {ended.text}")
    if has_completed(life, pod):
        return Standing("has completed", well=True)
    if not ended.text.startswith("it "):
        return Standing(f"has ended ({exit_status(life.exit)}): {ended.text}")
    text = ended.text.removeprefix("it ")
    if pod is not None and not over and is_over_for_good(life, pod):
        text += f" and is not started again (restartPolicy {restart_policy(life.container, pod)})"
    return Standing(text)


def _of_running(container: ContainerHistory, life: Life, pod: Pod | None) -> Standing:
    assert life.started is not None, "it runs"
    if life.kill is not None:
        return Standing(f"is being stopped: {life.kill.cause}")
    why = _not_ready(container, life, pod)
    if why:
        return Standing(f"runs, but {why}")
    # Of an adoption no more is known than that it ran.
    since = (
        "" if isinstance(life.started, ContainerAdopted) else f" since {moment(life.started.at)}"
    )
    return Standing(f"runs{since}", well=True)


def _start_failure(container: ContainerHistory) -> str:
    """Why the newest start failed; a hook that fails ends a container that ran."""
    failure, life = container.start_failure, container.last
    if failure is None or (life is not None and failure.reason == "PostStartHookError"):
        return ""
    return f"{failure.reason}: {one_line(failure.message)}"


def _not_ready(container: ContainerHistory, life: Life, pod: Pod | None) -> str:
    """Why a container that runs is not ready; empty if it is."""
    kinds = _probe_kinds(container.name, pod) | life.probes.keys()
    for kind in (ProbeKind.STARTUP, ProbeKind.READINESS):
        if kind not in kinds:
            continue
        row = life.probes.get(kind)
        if row is None or row.last is None:
            if _adopted(life) or (container.init and not _is_sidecar(container.name, pod)):
                return ""
            if kind is ProbeKind.STARTUP and ProbeKind.READINESS in life.probes:
                continue  # it has succeeded before the journal's memory begins
            return f"its {kind.lower()} probe has not run yet"
        if row.last.verdict == "success":
            continue
        if row.failures:
            return probe_failures(life, kind, pod)
        return f"its {kind.lower()} probe has not succeeded often enough yet"
    return ""


def _adopted(life: Life) -> bool:
    return any(isinstance(step, ContainerAdopted) for step in life.steps)


def _probe_kinds(name: str, pod: Pod | None) -> set[ProbeKind]:
    containers = pod.containers() if pod else ()
    return {probe.kind for c in containers if c.name == name for probe in c.probes()}


def _is_sidecar(name: str, pod: Pod | None) -> bool:
    containers = pod.containers() if pod else ()
    return any(c.name == name and c.restart_policy == "Always" for c in containers)


def _end(back_off: BackOffStarted) -> str:
    return moment(back_off.at + timedelta(seconds=back_off.remaining_seconds))


def moment(time: datetime) -> str:
    """As explanations have it; who prints them shows it in the zone of the reader."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
