"""Which records decide a check, at which moment, and in which words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from minikubelet.check.judge import CheckState, Stage
from minikubelet.check.progress import Goal
from minikubelet.check.verdict import CaseKind, CaseRef, ExitCode
from minikubelet.journal import (
    ContainerStartFailed,
    HookRan,
    KillFailed,
    PortClash,
    Record,
    StopStep,
    VolumeFailed,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from tests.check.builders import (
    PROBED,
    WEB,
    accepted,
    exited,
    judged,
    killing,
    phase,
    probed,
    ready,
    started,
)
from tests.cli.records import ID, at, of_app
from tests.pod.builders import a_container, a_pod, a_probe

LIVENESS, READINESS, STARTUP = ProbeKind.LIVENESS, ProbeKind.READINESS, ProbeKind.STARTUP
LIVE = a_pod(a_container(liveness_probe=a_probe(LIVENESS)))
SOAKING: Sequence[Record | Stage] = (started(), ready(True), Stage.SOAK)
SICK = probed("failure", run=3, verdict="failure", before="success", output="code: 503")


def start_failed(reason: str, message: str = "no such file") -> Record:
    return ContainerStartFailed(**of_app(0, WEB), reason=reason, message=message)


def post_start_failed() -> Record:
    return HookRan(
        **of_app(0, WEB), hook="postStart", handler="x", duration_seconds=1, ok=False, message="no"
    )


def pre_stop_failed() -> Record:
    return HookRan(
        **of_app(0, WEB), hook="preStop", handler="x", duration_seconds=1, ok=False, message="no"
    )


def killed(seconds: float = 30) -> Record:
    return StopStep(**of_app(0, WEB), container_id=ID, step="KILL", seconds=seconds)


def verdict(state: CheckState) -> tuple[ExitCode, str, CaseKind] | None:
    failure = state.failure
    return (failure.code, failure.sentence, failure.case.kind) if failure else None


@pytest.mark.parametrize(
    ("state", "code", "sentence", "case"),
    [
        pytest.param(
            judged(start_failed("RunContainerError")),
            ExitCode.NEVER_READY,
            "web/app: cannot start: RunContainerError: no such file",
            CaseKind.START,
            id="an impossible start decides at once",
        ),
        pytest.param(
            judged(VolumeFailed(at=at(0), pod=WEB, volume="v", message="no such Secret")),
            ExitCode.NEVER_READY,
            "web: cannot start: volume v cannot be had: no such Secret",
            CaseKind.START,
            id="so does a volume that cannot be had",
        ),
        pytest.param(
            judged(PortClash(**of_app(0, WEB), message="port 80 is already taken by nginx")),
            ExitCode.NEVER_READY,
            "web/app: cannot start: port 80 is already taken by nginx",
            CaseKind.START,
            id="so does a port that is taken",
        ),
        pytest.param(
            judged(started(), exited(1, ran=0.5)),
            ExitCode.CRASH_LOOP,
            "web/app: ended after 500ms (exit 1) and would be restarted, restart 1: "
            "no restart is allowed (--max-restarts)",
            CaseKind.START,
            id="without restarts, the first crash decides",
        ),
        pytest.param(
            judged(started(), exited(1), started(1, 1), exited(1), max_restarts=1),
            ExitCode.CRASH_LOOP,
            "web/app: ended after 3.2s (exit 1) and would be restarted, restart 2: "
            "1 are allowed (--max-restarts)",
            CaseKind.START,
            id="with one restart, the second crash decides, before its back-off",
        ),
        pytest.param(
            judged(*SOAKING, exited(0)),
            ExitCode.CRASH_LOOP,
            "web/app: ended after 3.2s (exit 0) and would be restarted, restart 1: "
            "no restart is allowed (--max-restarts)",
            CaseKind.SOAK,
            id="a service that ends well does not serve",
        ),
        pytest.param(
            judged(*SOAKING, exited(1), ready(False), max_restarts=3).soak_ended(at(9)),
            ExitCode.UNREADY_IN_SOAK,
            "web/app: not ready at the end of the soak: exit 1",
            CaseKind.SOAK,
            id="an allowed restart that is not over at the end of the soak",
        ),
        pytest.param(
            judged(*SOAKING, SICK, ready(False), pod=PROBED),
            ExitCode.UNREADY_IN_SOAK,
            "web/app: became unready during the soak: its readiness probe failed 3 times in a row",
            CaseKind.SOAK,
            id="a readiness probe that fails in the soak",
        ),
        pytest.param(
            judged(
                started(),
                probed("failure", LIVENESS, run=3, verdict="failure", output="code: 500"),
                killing(KillCause.LIVENESS),
                pod=LIVE,
            ),
            ExitCode.KILLED_BY_PROBE,
            "web/app: killed: its liveness probe failed 3 times in a row",
            CaseKind.PROBE,
            id="a kill by a probe decides before the container has ended",
        ),
        pytest.param(
            judged(post_start_failed()),
            ExitCode.CRASH_LOOP,
            "web/app: is killed: its postStart hook failed after 1s: no",
            CaseKind.START,
            id="a postStart hook that fails",
        ),
        pytest.param(
            judged(started(), exited(4), pod=a_pod(restart_policy="Never")),
            ExitCode.NEVER_READY,
            "web/app: ended after 3.2s (exit 4) and is not started again (restartPolicy Never)",
            CaseKind.GOAL,
            id="a job that fails",
        ),
        pytest.param(
            judged(
                started(),
                exited(4, container="setup"),
                pod=a_pod(init=(a_container("setup"),), restart_policy="Never"),
            ),
            ExitCode.NEVER_READY,
            "web/setup: ended after 3.2s (exit 4) and is not started again (restartPolicy Never)",
            CaseKind.INIT,
            id="an init container that fails for good",
        ),
        pytest.param(
            judged(started(), exited(0), pod=a_pod(restart_policy="Never"), goal=Goal.READY),
            ExitCode.NEVER_READY,
            "web/app: ended after 3.2s (exit 0) and is not started again (restartPolicy Never)",
            CaseKind.GOAL,
            id="what has ended can no longer become ready",
        ),
        pytest.param(
            judged(phase("Failed", "Evicted", "emptyDir too large")),
            ExitCode.NEVER_READY,
            "web: the Pod failed: Evicted: emptyDir too large",
            CaseKind.GOAL,
            id="a Pod that the node ends",
        ),
        pytest.param(
            judged(started(), ready(True), Stage.STOP, killing(KillCause.SHUTDOWN), killed()),
            ExitCode.UNCLEAN_STOP,
            "web/app: had to be killed: still running 30s after its stop signal",
            CaseKind.STOP,
            id="SIGKILL was needed",
        ),
        pytest.param(
            judged(Stage.STOP, pre_stop_failed()),
            ExitCode.UNCLEAN_STOP,
            "web/app: its preStop hook failed: no",
            CaseKind.STOP,
            id="a preStop hook that fails",
        ),
        pytest.param(
            judged(KillFailed(**of_app(0, WEB), reason="FailedKillPod", message="pid 7 survives")),
            ExitCode.UNCLEAN_STOP,
            "web/app: did not stop: pid 7 survives",
            CaseKind.STOP,
            id="something survives SIGKILL",
        ),
        pytest.param(
            judged(accepted(), started()).timed_out(9, at(9)),
            ExitCode.NEVER_READY,
            "web/app: not ready after 9s (--timeout)",
            CaseKind.GOAL,
            id="not in time, without a probe",
        ),
        pytest.param(
            judged(accepted(), started(), pod=PROBED).timed_out(9, at(9)),
            ExitCode.NEVER_READY,
            "web/app: not ready after 9s (--timeout): its readiness probe did not succeed",
            CaseKind.PROBE,
            id="not in time, with a probe",
        ),
        pytest.param(
            judged(started(container="setup"), pod=a_pod(init=(a_container("setup"),))).timed_out(
                9, at(9)
            ),
            ExitCode.NEVER_READY,
            "web/setup: the init container still runs after 9s (--timeout)",
            CaseKind.INIT,
            id="not in time, in an init container",
        ),
        pytest.param(
            judged(started(), pod=a_pod(restart_policy="OnFailure")).timed_out(9, at(9)),
            ExitCode.TIMED_OUT,
            "web/app: not succeeded after 9s (--timeout): app still running",
            CaseKind.GOAL,
            id="a job that does not end",
        ),
        pytest.param(
            judged(started(), ready(True)).command_ended(2, 1.5, "pytest -q", at(9)),
            ExitCode.COMMAND_FAILED,
            "the command exited with 2: pytest -q",
            CaseKind.COMMAND,
            id="the command fails",
        ),
    ],
)
def test_what_decides(state: CheckState, code: ExitCode, sentence: str, case: CaseKind) -> None:
    assert verdict(state) == (code, sentence, case)


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(judged(started(), exited(1), max_restarts=1), id="an allowed restart"),
        pytest.param(
            judged(killing(KillCause.LIVENESS), pod=LIVE, max_restarts=1),
            id="an allowed restart by a probe",
        ),
        pytest.param(
            judged(started(), ready(True), ready(False)), id="unready before all others are ready"
        ),
        pytest.param(
            judged(started(), ready(True), Stage.COMMAND, ready(False)),
            id="unready while the command runs: it may do that on purpose",
        ),
        pytest.param(
            judged(*SOAKING, Stage.STOP, ready(False), exited(143), phase("Failed")),
            id="what happens when it is stopped",
        ),
        pytest.param(
            judged(killing(KillCause.LIVENESS), killed(), pod=LIVE, max_restarts=1),
            id="SIGKILL for a container that failed its probe",
        ),
        pytest.param(
            judged(started(), exited(0), pod=a_pod(restart_policy="OnFailure")),
            id="a job that is done",
        ),
        pytest.param(
            judged(
                *SOAKING, exited(1), ready(False), started(1, 1), ready(True), max_restarts=1
            ).soak_ended(at(9)),
            id="an allowed restart that is over at the end of the soak",
        ),
        pytest.param(
            judged(start_failed("CrashLoopBackOff")), id="a reason that another record has told"
        ),
        pytest.param(judged().command_ended(0, 1, "true", at(1)), id="a command that succeeds"),
    ],
)
def test_what_does_not(state: CheckState) -> None:
    assert verdict(state) is None


def test_the_first_failure_stands() -> None:
    state = judged(started(), exited(1), start_failed("RunContainerError"))
    assert state.failure is not None
    assert state.failure.code is ExitCode.CRASH_LOOP
    assert state.command_ended(1, 1, "false", at(2)).failure == state.failure


@pytest.mark.parametrize(
    ("state", "reached"),
    [
        pytest.param(judged(started()), False, id="started"),
        pytest.param(judged(started(), ready(True)), True, id="ready"),
        pytest.param(judged(ready(True), ready(False)), False, id="no longer ready"),
        pytest.param(
            judged(ready(True), pod=a_pod(restart_policy="Never")), False, id="a job is ready"
        ),
        pytest.param(
            judged(phase("Succeeded"), pod=a_pod(restart_policy="Never")), True, id="succeeded"
        ),
    ],
)
def test_when_the_goal_is_reached(state: CheckState, reached: bool) -> None:
    assert state.reached is reached


def test_evidence_is_the_last_probe() -> None:
    state = judged(*SOAKING, SICK, ready(False), pod=PROBED)
    assert state.failure is not None
    assert state.failure.evidence == ("last readiness probe: failure after 10ms: code: 503",)
    assert state.failure.case == CaseRef(CaseKind.SOAK)
