"""What is told of a run, in which words, and what is not."""

from __future__ import annotations

import pytest

from minikubelet.cli.narration import Narrator, Tone, is_news
from minikubelet.events import Event, EventRecorder
from minikubelet.journal import (
    BackOffStarted,
    ConditionChanged,
    ContainerCreated,
    ContainerStarted,
    ContainerStartFailed,
    HookRan,
    PhaseChanged,
    PodAccepted,
    Record,
    StopStep,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.pod.wording import one_line
from tests.cli.records import (
    BEGAN,
    ID,
    WEB,
    a_kill,
    a_probe,
    a_start,
    an_event,
    an_exit,
    of_app,
)

PLAIN, GOOD, WARNING = Tone.PLAIN, Tone.GOOD, Tone.WARNING
READINESS, STARTUP = ProbeKind.READINESS, ProbeKind.STARTUP


def a_creation(source: str) -> ContainerCreated:
    return ContainerCreated(
        **of_app(),
        container_id=ID,
        restart_count=0,
        argv=("sh", "-c", "sleep 1"),
        command_source=source,
    )


def a_failed_start(reason: str, message: str) -> ContainerStartFailed:
    return ContainerStartFailed(**of_app(), reason=reason, message=message)


def a_hook(hook: str, *, ok: bool, seconds: float) -> HookRan:
    message = "" if ok else "exit status 1"
    return HookRan(
        **of_app(), hook=hook, handler="exec", duration_seconds=seconds, ok=ok, message=message
    )


def told(*records: Record) -> list[tuple[str, Tone]]:
    narrator = Narrator()
    return [(said.text, said.tone) for record in records for said in narrator.record(record)]


READY = ConditionChanged(at=BEGAN, pod=WEB, type="Ready", status="True")
LIVENESS_KILL = a_kill(KillCause.LIVENESS, "Container app failed liveness probe, will be restarted")


@pytest.mark.parametrize(
    ("records", "sentences"),
    [
        pytest.param([PodAccepted(at=BEGAN, pod=WEB)], [], id="acceptance goes without saying"),
        pytest.param(
            [
                ConditionChanged(
                    at=BEGAN,
                    pod=WEB,
                    type="PodScheduled",
                    status="False",
                    reason="SchedulingGated",
                    message="Scheduling is blocked due to non-empty scheduling gates",
                )
            ],
            [
                (
                    "not started: SchedulingGated: "
                    "Scheduling is blocked due to non-empty scheduling gates",
                    WARNING,
                )
            ],
            id="a pod that waits for its scheduling gates",
        ),
        pytest.param(
            [a_creation("manifest"), a_start()],
            [("started (pid 7)", PLAIN)],
            id="a start",
        ),
        pytest.param(
            [a_creation("built-in catalog (busybox)"), a_start()],
            [("started (pid 7), built-in catalog (busybox)", PLAIN)],
            id="a command that stands for an image is shown",
        ),
        pytest.param(
            [
                LIVENESS_KILL,
                an_exit(137, KillCause.LIVENESS, signal=9, ran=31.24),
                a_start(restart_count=1, pid=8),
            ],
            [
                (
                    "Killing: Container app failed liveness probe, will be restarted (grace 30s)",
                    WARNING,
                ),
                ("ended after 31.2s: exit 137 (SIGKILL), liveness probe failed", WARNING),
                (
                    "restarted (restart 1, pid 8), was: exit 137 (SIGKILL), liveness probe failed",
                    PLAIN,
                ),
            ],
            id="a restart says why",
        ),
        pytest.param([an_exit(0, ran=0.0312)], [("completed after 31ms", PLAIN)], id="exit code 0"),
        pytest.param([an_exit(3)], [("ended after 3.2s: exit 3", WARNING)], id="a failure"),
        pytest.param(
            [an_exit(139, signal=11)],
            [("ended after 3.2s: exit 139, SIGSEGV", WARNING)],
            id="a crash",
        ),
        pytest.param(
            [an_exit(137, signal=9, reason="OOMKilled")],
            [("ended after 3.2s: exit 137 (SIGKILL), OOMKilled", WARNING)],
            id="out of memory",
        ),
        pytest.param(
            [an_exit(143, KillCause.SHUTDOWN, signal=15)],
            [("ended after 3.2s: exit 143 (SIGTERM), asked to stop", PLAIN)],
            id="a stop that was asked for is no problem",
        ),
        pytest.param(
            [an_exit(1, message="no config\nat all")],
            [("ended after 3.2s: exit 1; message: no config at all", WARNING)],
            id="its last words, in one line",
        ),
        pytest.param(
            [an_exit(0, survivors=("12 sleep", "13 cat"))],
            [
                ("completed after 3.2s", PLAIN),
                ("killed what it left behind: 12 sleep, 13 cat", WARNING),
            ],
            id="processes that it left behind",
        ),
        pytest.param(
            [
                a_failed_start("RunContainerError", "not found"),
                an_exit(128, reason="StartError"),
            ],
            [("cannot start: RunContainerError: not found", WARNING)],
            id="a failed start is told once",
        ),
        pytest.param(
            [a_failed_start("ErrImagePull", "no command")] * 3,
            [("cannot start: ErrImagePull: no command", WARNING)],
            id="and not again while it stays the same",
        ),
        pytest.param(
            [a_failed_start("CrashLoopBackOff", "x"), a_failed_start("PostStartHookError", "x")],
            [],
            id="what other records tell",
        ),
        pytest.param(
            [
                BackOffStarted(
                    **of_app(),
                    delay_seconds=10,
                    remaining_seconds=9.96,
                    restart_count=1,
                    message="",
                )
            ],
            [("back-off: next start in 10s", WARNING)],
            id="back-off",
        ),
        pytest.param([a_probe("success")] * 5, [], id="probes that succeed"),
        pytest.param(
            [
                a_probe("failure", run=1, output="HTTP probe failed with statuscode: 500"),
                a_probe("failure", run=2, output="HTTP probe failed with statuscode: 500"),
            ],
            [
                (
                    "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500"
                    f" ({n} of 3)",
                    WARNING,
                )
                for n in (1, 2)
            ],
            id="probes that fail count towards the threshold",
        ),
        pytest.param(
            [a_probe("failure", STARTUP, run=n, threshold=30, output="x") for n in range(1, 31)],
            [
                (f"Unhealthy: Startup probe failed: x ({n} of 30)", WARNING)
                for n in (1, 2, 3, 10, 30)
            ],
            id="a long run of failures is not told one by one",
        ),
        pytest.param(
            [a_probe("failure", READINESS, run=n, threshold=1, output="x") for n in (10, 11)],
            [("Unhealthy: Readiness probe failed: x (10 in a row)", WARNING)],
            id="beyond the threshold it is the length of the run",
        ),
        pytest.param(
            [
                a_probe("failure", run=1, output="refused"),
                a_probe("error", run=2, error="no such command"),
            ],
            [
                ("Unhealthy: Liveness probe failed: refused (1 of 3)", WARNING),
                (
                    "Unhealthy: Liveness probe errored and resulted in unknown state: "
                    "no such command (2 of 3)",
                    WARNING,
                ),
            ],
            id="an error counts as a failure does (B-8)",
        ),
        pytest.param(
            [a_probe("warning", run=n, output="redirect") for n in (1, 2, 3)],
            [("ProbeWarning: Liveness probe warning: redirect", WARNING)],
            id="so is a warning",
        ),
        pytest.param(
            [
                a_probe("success", STARTUP, verdict="success", before="unknown"),
                a_probe("success", READINESS, verdict="success", before="failure"),
                a_probe("failure", READINESS, run=3, verdict="failure", output="x"),
            ],
            [
                ("startup probe succeeded", GOOD),
                ("ready", GOOD),
                ("Unhealthy: Readiness probe failed: x (3 of 3)", WARNING),
                ("not ready", WARNING),
            ],
            id="verdicts that change",
        ),
        pytest.param(
            [
                a_kill(KillCause.SHUTDOWN, "Stopping container app", grace=2.5),
                a_probe("failure", READINESS, run=3, verdict="failure", output="x"),
            ],
            [("Killing: Stopping container app (grace 2.5s)", PLAIN)],
            id="a container that is being stopped may fail its probes",  # B-13
        ),
        pytest.param([a_start(), READY], [("started (pid 7)", PLAIN), ("ready", GOOD)], id="ready"),
        pytest.param(
            [
                a_start(),
                a_probe("success", READINESS, verdict="success", before="failure"),
                READY,
            ],
            [("started (pid 7)", PLAIN), ("ready", GOOD)],
            id="a pod is as ready as its only container: told once",
        ),
        pytest.param(
            [
                a_start(),
                ContainerStarted(
                    **of_app(container="db"), container_id="x", restart_count=0, pid=8
                ),
                a_probe("success", READINESS, verdict="success", before="failure"),
                READY,
            ],
            [
                ("started (pid 7)", PLAIN),
                ("started (pid 8)", PLAIN),
                ("ready", GOOD),
                ("ready", GOOD),
            ],
            id="with two containers the pod's word counts too",
        ),
        pytest.param(
            [
                StopStep(**of_app(), container_id=ID, step="TERM", seconds=30),
                StopStep(**of_app(), container_id=ID, step="KILL", seconds=30),
            ],
            [("SIGKILL: still running 30s after SIGTERM", WARNING)],
            id="only the last step of a stop is news",
        ),
        pytest.param(
            [
                a_hook("postStart", ok=True, seconds=0.2),
                a_hook("preStop", ok=True, seconds=5.04),
                a_hook("preStop", ok=False, seconds=0.2),
            ],
            [
                ("preStop hook took 5s", PLAIN),
                ("FailedPreStopHook: PreStopHook failed after 200ms: exit status 1", WARNING),
            ],
            id="hooks",
        ),
        pytest.param(
            [
                PhaseChanged(at=BEGAN, pod=WEB, old="Pending", new="Running"),
                PhaseChanged(at=BEGAN, pod=WEB, old="Running", new="Succeeded"),
                PhaseChanged(
                    at=BEGAN, pod=WEB, old="Running", new="Failed", reason="DeadlineExceeded"
                ),
            ],
            [("phase Succeeded", GOOD), ("phase Failed (DeadlineExceeded)", WARNING)],
            id="the phase at the end",
        ),
    ],
)
def test_what_is_told(records: list[Record], sentences: list[tuple[str, Tone]]) -> None:
    assert told(*records) == sentences


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (an_event("FailedMount", "no\nsuch map"), "FailedMount: no such map"),
        (an_event("FailedMount", "no such map", 2), "FailedMount: no such map (x2)"),
        (an_event("FailedMount", "no such map", 100), "FailedMount: no such map (x100)"),
    ],
)
def test_an_event_is_told_with_its_count(event: Event, text: str) -> None:
    (said,) = Narrator().event(event)
    assert (said.text, said.tone, said.container) == (text, Tone.WARNING, "")


def test_an_event_of_a_container_names_it() -> None:
    (said,) = Narrator().event(
        an_event("PortClash", "taken", field_path="spec.initContainers{app}")
    )
    assert said.container == "app"


def test_a_repeated_event_is_not_told_each_time() -> None:
    assert Narrator().event(an_event("FailedMount", "no such map", 4)) == ()


@pytest.mark.parametrize(
    "record",
    [
        a_start(),
        a_creation("manifest"),
        a_probe("failure"),
        a_probe("warning"),
        LIVENESS_KILL,
        a_failed_start("ErrImagePull", "x"),
        a_hook("postStart", ok=False, seconds=0),
    ],
    ids=lambda record: type(record).__name__,
)
def test_no_fact_is_told_as_record_and_as_event(record: Record) -> None:
    recorder, narrator = EventRecorder(), Narrator()
    recorder.on_record(record)
    assert recorder.events() != ()
    assert [narrator.event(event) for event in recorder.events()] == [()] * len(recorder.events())


def test_which_repetitions_are_news() -> None:
    assert [n for n in range(1, 1101) if is_news(n, 7)] == [1, 2, 3, 7, 10, 100, 1000]


def test_long_texts_are_cut() -> None:
    assert one_line("x" * 501) == "x" * 500 + "…"
