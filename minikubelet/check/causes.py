"""What went wrong, in words: for each way to fail, the exit code, the sentence and the evidence.

Pure.
"""

from __future__ import annotations

from minikubelet.check.progress import Goal, PodProgress, ProbeProgress
from minikubelet.check.verdict import CaseKind, CaseRef, ExitCode
from minikubelet.journal import (
    ContainerExited,
    ContainerStartFailed,
    HookRan,
    KillFailed,
    KillRequested,
    PhaseChanged,
    PortClash,
    ProbeAttempted,
    StopStep,
    VolumeFailed,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.pod.wording import brief, exit_text, one_line
from minikubelet.value_class import dataclass

_KINDS = {KillCause.LIVENESS: ProbeKind.LIVENESS, KillCause.STARTUP: ProbeKind.STARTUP}


@dataclass(frozen=True, slots=True)
class Cause:
    code: ExitCode
    case: CaseRef
    text: str
    container: str = ""
    evidence: tuple[str, ...] = ()


def start_failed(pod: PodProgress, record: ContainerStartFailed) -> Cause:
    text = f"cannot start: {record.reason}: {one_line(record.message)}"
    return Cause(ExitCode.NEVER_READY, _run_case(pod, record.container), text, record.container)


def volume_failed(record: VolumeFailed) -> Cause:
    volume = f"volume {record.volume} cannot be had" if record.volume else "volumes cannot be had"
    text = f"cannot start: {volume}: {one_line(record.message)}"
    return Cause(ExitCode.NEVER_READY, CaseRef(CaseKind.START), text)


def port_taken(record: PortClash) -> Cause:
    text = f"cannot start: {record.message}"
    return Cause(ExitCode.NEVER_READY, CaseRef(CaseKind.START), text, record.container)


def hook_failed(pod: PodProgress, record: HookRan) -> Cause:
    took = brief(record.duration_seconds)
    text = f"is killed: its postStart hook failed after {took}: {one_line(record.message)}"
    return Cause(ExitCode.CRASH_LOOP, _run_case(pod, record.container), text, record.container)


def kill_by_probe(pod: PodProgress, record: KillRequested, *, soaking: bool) -> Cause:
    kind = _KINDS[record.cause]
    probe = pod.containers[record.container].probes[kind]
    times = f" {_failures(probe.last.run_length)}" if probe.last else ""
    text = f"killed: its {kind.lower()} probe failed{times}"
    healthy = probe.healthy_at is not None
    case = CaseRef(CaseKind.SOAK) if soaking and healthy else _probe_case(record.container, kind)
    return Cause(
        ExitCode.KILLED_BY_PROBE, case, text, record.container, _probe_evidence(kind, probe)
    )


def too_many_restarts(
    pod: PodProgress, record: ContainerExited, max_restarts: int, *, soaking: bool
) -> Cause:
    ended = f"ended after {brief(record.ran_seconds)} ({exit_text(record)})"
    allowed = "no restart is allowed" if max_restarts == 0 else f"{max_restarts} are allowed"
    count = pod.containers[record.container].restarts
    text = f"{ended} and would be restarted, restart {count}: {allowed} (--max-restarts)"
    code = ExitCode.CRASH_LOOP
    evidence = _said(record)
    if record.cause in _KINDS:
        kind = _KINDS[record.cause]
        code = ExitCode.KILLED_BY_PROBE
        evidence += _probe_evidence(kind, pod.containers[record.container].probes[kind])
    case = CaseRef(CaseKind.SOAK) if soaking else _run_case(pod, record.container)
    return Cause(code, case, text, record.container, evidence)


def ended_for_good(pod: PodProgress, record: ContainerExited, *, soaking: bool) -> Cause:
    policy = pod.pod.container(record.container).restart_policy or pod.pod.spec.restart_policy
    ended = f"ended after {brief(record.ran_seconds)} ({exit_text(record)})"
    text = f"{ended} and is not started again (restartPolicy {policy})"
    if soaking and pod.goal is Goal.READY:
        return Cause(
            ExitCode.UNREADY_IN_SOAK,
            CaseRef(CaseKind.SOAK),
            text,
            record.container,
            _said(record),
        )
    case = _run_case(pod, record.container)
    if case.kind is CaseKind.START:
        case = CaseRef(CaseKind.GOAL)
    return Cause(ExitCode.NEVER_READY, case, text, record.container, _said(record))


def failed_pod(pod: PodProgress, record: PhaseChanged, *, soaking: bool) -> Cause:
    said = ": ".join(part for part in (record.reason, one_line(record.message)) if part)
    text = f"the Pod failed: {said}" if said else "the Pod failed"
    if soaking and pod.goal is Goal.READY:
        return Cause(ExitCode.UNREADY_IN_SOAK, CaseRef(CaseKind.SOAK), text)
    return Cause(ExitCode.NEVER_READY, CaseRef(CaseKind.GOAL), text)


def unready(pod: PodProgress, *, at_end: bool) -> Cause | None:
    """Why a Pod that was Ready is not, in a soak or at its end. None while a container is being
    restarted, which was allowed: that only counts if it is not back at the end."""
    for name, container in pod.containers.items():
        ended = container.last_exit
        if ended and not container.running and name not in pod.plain_init_containers:
            if not at_end:
                return None
            text = f"{_when(at_end=True)}: {exit_text(ended)}"
            return Cause(ExitCode.UNREADY_IN_SOAK, CaseRef(CaseKind.SOAK), text, name, _said(ended))
    for container in pod.containers.values():
        probe = container.probes.get(ProbeKind.READINESS)
        if probe and probe.last and probe.last.verdict == "failure":
            return unready_by_probe(probe.last, at_end=at_end)
    return Cause(ExitCode.UNREADY_IN_SOAK, CaseRef(CaseKind.SOAK), _when(at_end=at_end))


def unready_by_probe(record: ProbeAttempted, *, at_end: bool) -> Cause:
    text = f"{_when(at_end=at_end)}: its readiness probe failed {_failures(record.run_length)}"
    evidence = (f"last readiness probe: {probe_text(record)}",)
    return Cause(ExitCode.UNREADY_IN_SOAK, CaseRef(CaseKind.SOAK), text, record.container, evidence)


def _when(*, at_end: bool) -> str:
    return "not ready at the end of the soak" if at_end else "became unready during the soak"


def not_in_time(pod: PodProgress, seconds: float) -> Cause:
    """What the Pod still waited for, in the order in which it would have happened."""
    after = f"after {brief(seconds)} (--timeout)"
    for name in pod.plain_init_containers:
        container = pod.containers[name]
        if container.running or (container.completed_at is None and container.started_at):
            text = f"the init container still runs {after}"
            return Cause(_late_code(pod), CaseRef(CaseKind.INIT), text, name)
    for kind in (ProbeKind.STARTUP, ProbeKind.READINESS):
        for name, container in pod.containers.items():
            probe = container.probes.get(kind)
            if probe is None or (probe.last and probe.last.verdict == "success"):
                continue
            if kind is ProbeKind.READINESS and pod.goal is Goal.SUCCEEDED:
                continue
            text = f"not {pod.goal} {after}: its {kind.lower()} probe did not succeed"
            evidence = _probe_evidence(kind, probe)
            return Cause(_late_code(pod), _probe_case(name, kind), text, name, evidence)
    running = [name for name, container in pod.containers.items() if container.running]
    still = f": {', '.join(running)} still running" if pod.goal is Goal.SUCCEEDED else ""
    container_name = running[0] if len(running) == 1 else ""
    text = f"not {pod.goal} {after}{still}"
    return Cause(_late_code(pod), CaseRef(CaseKind.GOAL), text, container_name)


def unclean_stop(record: StopStep | KillFailed | HookRan) -> Cause:
    match record:
        case StopStep():
            text = f"had to be killed: still running {brief(record.seconds)} after its stop signal"
        case HookRan():
            text = f"its preStop hook failed: {one_line(record.message)}"
        case KillFailed():
            text = f"did not stop: {one_line(record.message)}"
    return Cause(ExitCode.UNCLEAN_STOP, CaseRef(CaseKind.STOP), text, record.container)


def _late_code(pod: PodProgress) -> ExitCode:
    return ExitCode.NEVER_READY if pod.goal is Goal.READY else ExitCode.TIMED_OUT


def _run_case(pod: PodProgress, container: str) -> CaseRef:
    init = container in pod.plain_init_containers
    return CaseRef(CaseKind.INIT if init else CaseKind.START)


def _probe_case(container: str, kind: ProbeKind) -> CaseRef:
    return CaseRef(CaseKind.PROBE, container, kind.lower())


def _probe_evidence(kind: ProbeKind, probe: ProbeProgress) -> tuple[str, ...]:
    if probe.last is None:
        return (f"the {kind.lower()} probe has not run",)
    return (f"last {kind.lower()} probe: {probe_text(probe.last)}",)


def probe_text(record: ProbeAttempted) -> str:
    """`failure after 3ms: HTTP probe failed with statuscode: 503`."""
    said = one_line(record.error or record.output)
    head = f"{record.outcome} after {brief(record.duration_seconds)}"
    return f"{head}: {said}" if said else head


def _said(record: ContainerExited) -> tuple[str, ...]:
    return (f"termination message: {one_line(record.message)}",) if record.message else ()


def _failures(times: int) -> str:
    return "once" if times == 1 else f"{times} times in a row"
