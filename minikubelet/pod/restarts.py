"""Whether an exited container runs again, and when.

Role: the restart decision (L-155, L-158, L-162 … L-166), the crash-loop back-off (L-168 … L-175)
and the back-off of images that have no local command. Times are monotonic seconds.
Invariants: pure; a back-off is over exactly at the moment that it names, where upstream is late by
its polling (L-171).
Upstream: kubernetes pkg/kubelet/container/helpers.go, pkg/api/v1/pod/util.go, client-go
util/flowcontrol/backoff.go.
"""

from __future__ import annotations

from enum import Enum

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import (
    Container,
    ContainerRestartRule,
    Pod,
    RestartPolicy,
    RestartRuleAction,
    is_sidecar,
)
from minikubelet.pod.durations import go_duration
from minikubelet.pod.observed import ContainerRun, ObservedPod, RunState, StartFailure
from minikubelet.value_class import dataclass

INITIAL_DELAY_SECONDS = 10.0
MAXIMUM_DELAY_SECONDS = 300.0
RESET_SECONDS = 600.0

_RESTART_WHATEVER = frozenset(
    {KillCause.DEFINITION_CHANGED, KillCause.RESIZED, KillCause.UNKNOWN_STATE}
)
_FAILED_PROBE = frozenset({KillCause.LIVENESS, KillCause.STARTUP})


class RestartDecision(Enum):
    NO = "no"
    RESTART = "restart"
    RESTART_ALL = "restart all containers"


@dataclass(frozen=True, slots=True)
class BackOffEntry:
    """Crash-loop state of one container (L-168). Times are monotonic seconds.

    It belongs to one image and one set of resources: its keeper drops it when they change (L-173).
    """

    delay_seconds: float
    last_update: float


def restart_decision(
    pod: Pod, container: Container, *, init: bool, exit_code: int
) -> RestartDecision:
    """What follows an exit with `exit_code` (L-163); a deletion of the pod is not looked at.

    An init container that exited with 0 is done, and for a failed one a pod policy `Always` acts as
    `OnFailure` (L-155); a sidecar always runs again (L-158).
    """
    action = _matching_action(container, exit_code)
    if action == RestartRuleAction.RESTART_ALL_CONTAINERS:
        return RestartDecision.RESTART_ALL
    if is_sidecar(container, init=init):
        return RestartDecision.RESTART
    if init and exit_code == 0:
        return RestartDecision.NO
    if action == RestartRuleAction.RESTART:
        return RestartDecision.RESTART
    policy = container.restart_policy or pod.spec.restart_policy
    again = policy == RestartPolicy.ALWAYS or (
        policy == RestartPolicy.ON_FAILURE and exit_code != 0
    )
    return RestartDecision.RESTART if again else RestartDecision.NO


def _matching_action(container: Container, exit_code: int) -> str | None:
    """The action of the first rule that matches; rules count only beside an own policy (L-164)."""
    if container.restart_policy is None:
        return None
    for rule in container.restart_policy_rules:
        if _matches(rule, exit_code):
            return rule.action
    return None


def _matches(rule: ContainerRestartRule, exit_code: int) -> bool:
    if rule.exit_codes is None:
        return False
    listed = exit_code in rule.exit_codes.values
    return listed if rule.exit_codes.operator == "In" else not listed


def restarts_on_failure(pod: Pod, container: Container) -> bool:
    """Whether a container starts again after a failure that is no exit, such as a failed probe:
    exit codes and rules are not consulted (L-98)."""
    return (container.restart_policy or pod.spec.restart_policy) != RestartPolicy.NEVER


def restarts_after_kill(
    pod: Pod, container: Container, cause: KillCause | None, *, init: bool
) -> bool:
    """Whether the reason for a kill decides that the container starts again, however it exits.

    Upstream kills and starts in one step, so the exit code never gets a say (L-97, L-98, P-153).
    False leaves it to the exit code; `cause` is None for a container that ended by itself.
    """
    if cause in _RESTART_WHATEVER:
        return True
    if cause in _FAILED_PROBE:
        return is_sidecar(container, init=init) or restarts_on_failure(pod, container)
    return False


def should_start(pod: Pod, container: Container, run: ContainerRun | None, *, init: bool) -> bool:
    """Whether a container with `run` as its newest instance is to be started, now or after its
    back-off (L-162)."""
    if pod.metadata.deletion_timestamp is not None:
        return False
    if run is None:
        return True
    if run.state is RunState.RUNNING:
        return False
    if run.state is not RunState.EXITED or run.exit_code is None:
        return True
    if restarts_after_kill(pod, container, run.killed_for, init=init):
        return True
    decision = restart_decision(pod, container, init=init, exit_code=run.exit_code)
    return decision is not RestartDecision.NO


def restart_all_trigger(pod: Pod, observed: ObservedPod) -> str | None:
    """The first container whose exit asks for a restart of all containers (L-166)."""
    for container in pod.containers():
        run = observed.latest(container.name)
        if run is None or run.state is not RunState.EXITED or run.exit_code is None:
            continue
        init = pod.is_init(container.name)
        decision = restart_decision(pod, container, init=init, exit_code=run.exit_code)
        if decision is RestartDecision.RESTART_ALL:
            return container.name
    return None


def could_restart_all(pod: Pod) -> bool:
    """Whether some container has a `RestartAllContainers` rule (section 18)."""
    return any(
        rule.action == RestartRuleAction.RESTART_ALL_CONTAINERS
        for container in pod.containers()
        for rule in container.restart_policy_rules
    )


def back_off_until(entry: BackOffEntry | None, finished: float | None, now: float) -> float | None:
    """When the back-off ends that holds a container back now; None when it may start (L-169).

    `finished` is the end of its newest exited instance, None when there is none.
    """
    if entry is None or finished is None or _is_dropped(entry, finished, now):
        return None
    until = min(finished + entry.delay_seconds, entry.last_update + RESET_SECONDS)
    return until if now < until else None


def after_start(
    entry: BackOffEntry | None,
    finished: float,
    now: float,
    *,
    maximum_seconds: float = MAXIMUM_DELAY_SECONDS,
) -> BackOffEntry:
    """The entry after a restart at `now` that was not held back (L-169); a first start makes none.

    `finished` is the end of the newest exited instance. `maximum_seconds` is the node's limit,
    and the initial delay too where it is the smaller one (L-174).
    """
    if entry is None or _is_dropped(entry, finished, now):
        return BackOffEntry(min(INITIAL_DELAY_SECONDS, maximum_seconds), now)
    return BackOffEntry(min(2 * entry.delay_seconds, maximum_seconds), now)


def _is_dropped(entry: BackOffEntry, finished: float, now: float) -> bool:
    """Whether the entry counts no more (L-173): the container ran for long, or so much time has
    passed since its last start that housekeeping has removed it, also while it holds a container
    back. Upstream is late by its polling."""
    end = entry.last_update + RESET_SECONDS
    held = now < finished + entry.delay_seconds
    return finished > end or now > end or (held and now == end)


def crash_loop_message(container: str, pod: Pod, delay_seconds: float) -> str:
    """Why a container in back-off waits (section 8), with the whole delay, not what is left."""
    delay = go_duration(delay_seconds)
    return f"back-off {delay} restarting failed container={container} pod={pod.description}"


def image_pull_back_off(
    image: str, error: str, entry: BackOffEntry | None, now: float
) -> tuple[StartFailure, BackOffEntry]:
    """What a container waits with after an `ErrImagePull` at `now`, and the image's entry.

    The next attempt is due after 10 s, then 20 s, up to 300 s (section 8). `error` is the text of
    the attempt.
    """
    entry = after_start(entry, now, now)
    text = f'Back-off pulling image "{image}": ErrImagePull: {error}'
    return StartFailure("ImagePullBackOff", text, now + entry.delay_seconds), entry
