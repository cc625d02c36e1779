"""Why an instance ended and what followed, in one sentence each.

Role: from the evidence of one instance to the name of its cause and the words for it. Pure.
"""

from __future__ import annotations

import shlex
from enum import StrEnum

from minikubelet.explain.history import ContainerHistory, Life, PodHistory
from minikubelet.journal import ContainerExited, ContainerStartFailed
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import (
    Container,
    ContainerRestartRule,
    Pod,
    Probe,
    ProbeKind,
    is_sidecar,
)
from minikubelet.pod.restarts import RestartDecision, restart_decision, restarts_after_kill
from minikubelet.pod.wording import brief, exit_text, one_line, signal_name
from minikubelet.value_class import dataclass


class Cause(StrEnum):
    COMPLETED = "Completed"
    EXIT_CODE = "ExitCode"
    SIGNAL = "Signal"
    OUT_OF_MEMORY = "OOMKilled"
    LIVENESS_PROBE = "LivenessProbe"
    STARTUP_PROBE = "StartupProbe"
    POST_START_HOOK = "PostStartHook"
    DEFINITION_CHANGED = "DefinitionChanged"
    RESIZED = "Resized"
    RESTART_ALL = "RestartAllContainers"
    ACTIVE_DEADLINE = "ActiveDeadline"
    EVICTED = "Evicted"
    DELETED = "Deleted"
    SHUTDOWN = "Shutdown"
    POD_FINISHED = "PodFinished"
    POD_FAILED = "PodFailed"
    CANNOT_EXECUTE = "CannotExecute"
    UNKNOWN = "Unknown"


_BY_KILL = {
    KillCause.LIVENESS: Cause.LIVENESS_PROBE,
    KillCause.STARTUP: Cause.STARTUP_PROBE,
    KillCause.POST_START_HOOK: Cause.POST_START_HOOK,
    KillCause.DEFINITION_CHANGED: Cause.DEFINITION_CHANGED,
    KillCause.RESIZED: Cause.RESIZED,
    KillCause.RESTART_ALL: Cause.RESTART_ALL,
    KillCause.DEADLINE: Cause.ACTIVE_DEADLINE,
    KillCause.EVICTED: Cause.EVICTED,
    KillCause.DELETED: Cause.DELETED,
    KillCause.SHUTDOWN: Cause.SHUTDOWN,
    KillCause.POD_FINISHED: Cause.POD_FINISHED,
    KillCause.POD_FAILED: Cause.POD_FAILED,
    KillCause.UNKNOWN_STATE: Cause.UNKNOWN,
}
_BY_REASON = {
    "OOMKilled": Cause.OUT_OF_MEMORY,
    "StartError": Cause.CANNOT_EXECUTE,
    "ContainerStatusUnknown": Cause.UNKNOWN,
}
_PROBE_KINDS = {
    Cause.LIVENESS_PROBE: ProbeKind.LIVENESS,
    Cause.STARTUP_PROBE: ProbeKind.STARTUP,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of one instance: `text` says why, in a clause that begins in lower case."""

    cause: Cause
    text: str


def why_ended(life: Life, history: PodHistory, pod: Pod | None) -> Ended:
    """The life has an exit, or could not be started."""
    ended = life.exit
    if ended is None:
        return Ended(Cause.CANNOT_EXECUTE, f"it cannot be started: {_start_error(life)}")
    if ended.reason in _BY_REASON:
        # What really happened counts more than what was asked for.
        cause = _BY_REASON[ended.reason]
    elif ended.cause is not None:
        cause = _BY_KILL[ended.cause]
    elif ended.signal is not None:
        cause = Cause.SIGNAL
    else:
        cause = Cause.EXIT_CODE if ended.exit_code else Cause.COMPLETED
    return Ended(cause, _text(cause, life, ended, history, pod))


def probe_kind(cause: Cause) -> ProbeKind | None:
    return _PROBE_KINDS.get(cause)


def _text(
    cause: Cause, life: Life, ended: ContainerExited, history: PodHistory, pod: Pod | None
) -> str:
    ran = f"after {brief(ended.ran_seconds)}"
    match cause:
        case Cause.COMPLETED:
            return f"it ended by itself {ran} with exit code 0"
        case Cause.EXIT_CODE:
            return f"it ended by itself {ran} with exit code {ended.exit_code}{_message(ended)}"
        case Cause.SIGNAL:
            name, code = signal_name(ended.signal), f"exit code {ended.exit_code}"
            return f"it was ended {ran} by {name}, which the daemon had not sent ({code})"
        case Cause.OUT_OF_MEMORY:
            limit = _memory_limit(life, pod)
            return f"it was killed {ran} because it ran out of memory{limit} (OOMKilled)"
        case Cause.LIVENESS_PROBE | Cause.STARTUP_PROBE:
            return probe_failures(life, _PROBE_KINDS[cause], pod)
        case Cause.POST_START_HOOK:
            hook = life.failed_hook("postStart")
            why = f": {one_line(hook.message)}" if hook else ""
            return f"its postStart hook failed{why}"
        case Cause.DEFINITION_CHANGED:
            changes = [text for update in history.updates[-1:] for text in update.changes]
            return f"its definition was changed{_listed(changes)}"
        case Cause.RESIZED:
            return "its resources were changed, and its resizePolicy asks for a restart"
        case Cause.RESTART_ALL:
            return f"a restart rule restarts all containers{_trigger(ended, history)}"
        case Cause.ACTIVE_DEADLINE:
            seconds = pod.spec.active_deadline_seconds if pod else None
            deadline = f" ({seconds}s)" if seconds is not None else ""
            return f"the pod was active for longer than its activeDeadlineSeconds{deadline}"
        case Cause.EVICTED:
            why = f": {one_line(history.evicted.message)}" if history.evicted else ""
            return f"the pod was evicted{why}"
        case Cause.DELETED:
            return "the pod was deleted"
        case Cause.SHUTDOWN:
            return "the daemon was asked to stop it"
        case Cause.POD_FINISHED:
            return "no regular container is left to run, so that the pod is over"
        case Cause.POD_FAILED:
            return "the pod failed: an init container did, and is not tried again"
        case Cause.CANNOT_EXECUTE:
            return f"it cannot be executed: {one_line(ended.message) or _start_error(life)}"
        case Cause.UNKNOWN:
            return "it ended in a way that nobody saw: its supervisor was gone as well"


def probe_failures(life: Life, kind: ProbeKind, pod: Pod | None) -> str:
    """`its liveness probe (GET :8080/healthz) failed 3 times in a row (failureThreshold 3), the
    last time with: …`."""
    handler = _handler(life.container, kind, pod)
    named = f"its {kind.lower()} probe{f' ({handler})' if handler else ''}"
    row = life.probes.get(kind)
    if row is None or not row.failures:
        return f"{named} failed"
    last = row.failures[-1]
    times = "once" if last.run_length == 1 else f"{last.run_length} times in a row"
    said = one_line(last.error or last.output)
    text = f"{named} failed {times} (failureThreshold {last.threshold})"
    if said:
        text += f", {'the last time ' if last.run_length > 1 else ''}with: {said}"
    return text


def what_followed(life: Life, following: Life | None, pod: Pod | None) -> str:
    """What became of the container after the end, as a sentence; empty if the journal does not
    say."""
    ended, back_off = life.exit, life.back_off
    if following is not None and following.after_boot:
        return (
            "The host was started again, and the pod began anew "
            f"(restart {following.restart_count})."
        )
    if following is not None:
        waited = f" after a back-off of {brief(back_off.delay_seconds)}" if back_off else ""
        count = following.restart_count
        again = "It was started again" if ended is not None else "The start was tried again"
        return f"{again}{waited} (restart {count}){_because(life, pod)}."
    if pod is None:
        return ""
    if back_off is not None:
        since = "the end" if ended is not None else "this attempt"
        delay = brief(back_off.delay_seconds)
        return f"The next start waits in back-off, {delay} from {since}{_because(life, pod)}."
    if ended is None:
        return ""
    if pod.is_ephemeral(life.container):
        return "An ephemeral container is started only once."
    if has_completed(life, pod):
        return "With that it is done: an init container runs until it has succeeded once."
    if is_over_for_good(life, pod):
        policy = restart_policy(life.container, pod)
        return f"It is not started again (restartPolicy {policy})."
    return ""


def has_completed(life: Life, pod: Pod | None) -> bool:
    """Whether it is an init container, no sidecar, that has done its work."""
    container = _container(life.container, pod) if pod else None
    sidecar = container is not None and is_sidecar(container, init=True)
    ended = life.exit
    return life.init and not sidecar and ended is not None and ended.exit_code == 0


def is_over_for_good(life: Life, pod: Pod) -> bool:
    """Whether it is not started again though nobody wanted its end: by its restart policy."""
    ended = life.exit
    if ended is None or pod.is_ephemeral(life.container):
        return False
    by_itself = ended.cause in (None, KillCause.LIVENESS, KillCause.STARTUP)
    return by_itself and not _restarts(life, pod)


def sentence(text: str) -> str:
    """With a full stop, which what is quoted at its end may have brought."""
    return text if text.endswith((".", "…")) else f"{text}."


def kind_of(container: ContainerHistory, pod: Pod | None) -> str:
    """`container`, `init container`, `sidecar`, `ephemeral container`."""
    if container.ephemeral:
        return "ephemeral container"
    spec = _container(container.name, pod) if pod else None
    if container.init:
        sidecar = spec is not None and is_sidecar(spec, init=True)
        return "sidecar" if sidecar else "init container"
    return "container"


def restart_policy(name: str, pod: Pod) -> str:
    """The one that counts for a container."""
    container = _container(name, pod)
    return (container.restart_policy if container else None) or pod.spec.restart_policy


def _restarts(life: Life, pod: Pod) -> bool:
    container = _container(life.container, pod)
    if container is None or life.exit is None:
        return False
    init = pod.is_init(life.container)
    if life.exit.cause is not None and restarts_after_kill(
        pod, container, life.exit.cause, init=init
    ):
        return True
    decision = restart_decision(pod, container, init=init, exit_code=life.exit.exit_code)
    return decision is not RestartDecision.NO


def _because(life: Life, pod: Pod | None) -> str:
    """What in the spec makes it start again, where that is not what everybody expects."""
    container = _container(life.container, pod) if pod else None
    if pod is None or container is None or life.exit is None or life.exit.cause is not None:
        return ""
    if container.restart_policy is not None:
        for number, rule in enumerate(container.restart_policy_rules):
            if _matches(rule, life.exit.exit_code):
                return f": restartPolicyRules[{number}] says {rule.action} for this exit code"
    if is_sidecar(container, init=pod.is_init(container.name)):
        return ": it is a sidecar"
    return f": restartPolicy {container.restart_policy or pod.spec.restart_policy}"


def _matches(rule: ContainerRestartRule, exit_code: int) -> bool:
    if rule.exit_codes is None:
        return False
    return (exit_code in rule.exit_codes.values) == (rule.exit_codes.operator == "In")


def _trigger(ended: ContainerExited, history: PodHistory) -> str:
    """The exit that came right before this one was asked to stop."""
    others = [e for e in history.exits() if e.cause is None and e.at <= ended.at]
    if not others:
        return ""
    return f" because container {others[-1].container} ended ({exit_text(others[-1])})"


def _handler(name: str, kind: ProbeKind, pod: Pod | None) -> str:
    container = _container(name, pod) if pod else None
    for probe in container.probes() if container else ():
        if probe.kind is kind:
            return _handler_text(probe)
    return ""


def _handler_text(probe: Probe) -> str:
    if probe.exec is not None:
        return one_line(f"exec {shlex.join(probe.exec.command)}")
    if probe.http_get is not None:
        action = probe.http_get
        return f"{action.scheme.lower()} GET {action.host}:{action.port}{action.path}"
    if probe.tcp_socket is not None:
        return f"tcp {probe.tcp_socket.host}:{probe.tcp_socket.port}"
    return f"grpc :{probe.grpc.port}" if probe.grpc else ""


def _container(name: str, pod: Pod) -> Container | None:
    return next((c for c in pod.containers() if c.name == name), None)


def _memory_limit(life: Life, pod: Pod | None) -> str:
    container = _container(life.container, pod) if pod else None
    limit = container.resources.limits.get("memory") if container else None
    return f", of which it may have {limit}" if limit else ""


def _start_error(life: Life) -> str:
    for record in reversed(life.steps):
        if isinstance(record, ContainerStartFailed):
            return f"{record.reason}: {one_line(record.message)}"
    return "it was created and never started"


def _message(ended: ContainerExited) -> str:
    return f"; it said: {one_line(ended.message)}" if ended.message else ""


def _listed(texts: list[str]) -> str:
    return f": {'; '.join(texts)}" if texts else ""
