"""Events: the exact words for each record, and how equal and similar ones are counted."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from minikubelet.clock import SystemClock
from minikubelet.events import (
    SIMILAR_SECONDS,
    Event,
    EventDraft,
    EventRecorder,
    EventType,
    Reason,
    events_of,
)
from minikubelet.journal import (
    BackOffStarted,
    ConditionChanged,
    ContainerCreated,
    ContainerExited,
    ContainerStarted,
    ContainerStartFailed,
    DeadlineExceeded,
    HookRan,
    Journal,
    KillFailed,
    KillRequested,
    LimitNotEnforced,
    LogLost,
    PhaseChanged,
    PodAccepted,
    PodEvicted,
    PodRef,
    PortClash,
    ProbeAttempted,
    Record,
    StopStep,
    VolumeFailed,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
POD = PodRef("default", "web", "0a1b")
ID = "process://" + "5f" * 32
FIELD_PATH = "spec.containers{app}"
OF_POD: dict[str, Any] = {"at": AT, "pod": POD}
OF_APP: dict[str, Any] = {**OF_POD, "container": "app", "field_path": FIELD_PATH}

N, W = EventType.NORMAL, EventType.WARNING


def a_probe(outcome: str, kind: ProbeKind = ProbeKind.LIVENESS, **fields: str) -> ProbeAttempted:
    return ProbeAttempted(
        **OF_APP,
        kind=kind,
        container_id=ID,
        planned_at=AT,
        trigger="schedule",
        duration_seconds=0,
        outcome=outcome,
        output=fields.get("output", ""),
        error=fields.get("error", ""),
        verdict="success",
        verdict_before="success",
        run_length=1,
        threshold=3,
    )


def a_kill(cause: KillCause, message: str) -> KillRequested:
    return KillRequested(
        **OF_APP, container_id=ID, cause=cause, message=message, grace_period_seconds=30
    )


def a_hook(hook: str, ok: bool) -> HookRan:
    return HookRan(**OF_APP, hook=hook, handler="exec", duration_seconds=0.1, ok=ok, message="why")


def a_start_failure(reason: str, message: str) -> ContainerStartFailed:
    return ContainerStartFailed(**OF_APP, reason=reason, message=message, image="shop:1")


TOO_LONG = "Pod was active on the node longer than the specified deadline"
NOT_IN_TIME = "Container runtime did not kill the pod within specified grace period."
OVER_LIMIT = 'Usage of EmptyDir volume "tmp" exceeds the limit "1Mi". '
NO_PORTS = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"


@pytest.mark.parametrize(
    ("record", "said"),
    [
        pytest.param(
            PodAccepted(**OF_POD, scheduled_to="node-1"),
            [(N, "Scheduled", "Successfully assigned default/web to node-1")],
            id="a pod of the API counts as scheduled",  # L-74
        ),
        pytest.param(PodAccepted(**OF_POD), [], id="a static pod was not scheduled"),  # L-74
        pytest.param(
            PhaseChanged(
                **OF_POD,
                old="Pending",
                new="Failed",
                reason="NodePorts",
                message=f"Pod was rejected: {NO_PORTS}",
            ),
            [(W, "NodePorts", NO_PORTS)],
            id="a refused pod gives the refusal",  # L-69
        ),
        pytest.param(
            PhaseChanged(**OF_POD, old="Running", new="Failed", reason="DeadlineExceeded"),
            [],
            id="other phases give no event",
        ),
        pytest.param(
            ContainerCreated(
                **OF_APP, container_id=ID, restart_count=0, argv=("a",), command_source="manifest"
            ),
            [(N, "Created", "Container created")],
            id="created",  # L-110
        ),
        pytest.param(
            ContainerStarted(**OF_APP, container_id=ID, restart_count=0, pid=7),
            [(N, "Started", "Container started")],
            id="started",  # L-112
        ),
        pytest.param(
            a_start_failure("CreateContainerConfigError", 'configmap "c" not found'),
            [(W, "Failed", 'Error: configmap "c" not found')],
            id="no configuration",  # L-108
        ),
        pytest.param(
            a_start_failure("CreateContainerError", "no command specified"),
            [(W, "Failed", "Error: no command specified")],
            id="no command",  # L-109
        ),
        pytest.param(
            a_start_failure("RunContainerError", 'exec: "x": executable file not found in $PATH'),
            [(W, "Failed", 'Error: exec: "x": executable file not found in $PATH')],
            id="no program",  # L-111
        ),
        pytest.param(
            a_start_failure("ErrImagePull", "no local command"),
            [
                (W, "Failed", 'Failed to pull image "shop:1": no local command'),
                (W, "Failed", "Error: ErrImagePull"),
            ],
            id="no image",
        ),
        pytest.param(
            a_start_failure(
                "ImagePullBackOff", 'Back-off pulling image "shop:1": no local command'
            ),
            [
                (N, "BackOff", 'Back-off pulling image "shop:1"'),
                (W, "Failed", "Error: ImagePullBackOff"),
            ],
            id="no image, waiting",  # L-274
        ),
        pytest.param(
            a_start_failure("CrashLoopBackOff", "back-off 10s restarting failed container"),
            [],
            id="back-off has a record of its own",  # L-169
        ),
        pytest.param(
            a_start_failure("PostStartHookError", "Exec lifecycle hook failed"),
            [],
            id="a hook has a record of its own",  # L-186
        ),
        pytest.param(
            BackOffStarted(
                **OF_APP, delay_seconds=10, remaining_seconds=9.5, restart_count=1, message="m"
            ),
            [(W, "BackOff", "Back-off restarting failed container app in pod web_default(0a1b)")],
            id="back-off",  # L-169
        ),
        pytest.param(a_probe("success"), [], id="a success says nothing"),  # P-206
        pytest.param(
            a_probe("failure", output="HTTP probe failed with statuscode: 500"),
            [(W, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500")],
            id="a failed probe",  # P-500
        ),
        pytest.param(
            a_probe("failure", ProbeKind.READINESS),
            [(W, "Unhealthy", "Readiness probe failed: ")],
            id="no output leaves a blank at the end",  # P-343
        ),
        pytest.param(
            a_probe("error", ProbeKind.STARTUP, error='exec: "x": not found'),
            [
                (
                    W,
                    "Unhealthy",
                    'Startup probe errored and resulted in unknown state: exec: "x": not found',
                )
            ],
            id="an error of the attempt itself",  # P-501
        ),
        pytest.param(
            a_probe("failure", error="body timed out"),
            [
                (
                    W,
                    "Unhealthy",
                    "Liveness probe errored and resulted in failure state: body timed out",
                )
            ],
            id="an error that counts as a failure keeps its text",  # B-8
        ),
        pytest.param(
            a_probe("warning", output="Probe terminated redirects"),
            [(W, "ProbeWarning", "Liveness probe warning: Probe terminated redirects")],
            id="a warning",  # P-502
        ),
        pytest.param(a_probe("unknown"), [], id="unknown without an error"),  # P-204
        pytest.param(
            a_probe("failure", output=f"cat: /run/{'5f' * 32}/ok: missing"),
            [(W, "Unhealthy", "Liveness probe failed: cat: /run/app/ok: missing")],
            id="a container id becomes the container's name",  # L-273
        ),
        pytest.param(
            a_kill(KillCause.LIVENESS, "Container app failed liveness probe, will be restarted"),
            [(N, "Killing", "Container app failed liveness probe, will be restarted")],
            id="killed by a liveness probe",  # P-503
        ),
        pytest.param(
            a_kill(KillCause.STARTUP, "Init container app failed startup probe"),
            [(N, "Killing", "Init container app failed startup probe")],
            id="a sidecar killed by its startup probe",  # P-506
        ),
        pytest.param(
            a_kill(KillCause.DELETED, ""),
            [(N, "Killing", "Stopping container app")],
            id="stopped for no reason of its own",  # L-195, P-507
        ),
        pytest.param(
            a_hook("postStart", ok=False),
            [(W, "FailedPostStartHook", "PostStartHook failed")],
            id="postStart failed",  # L-186
        ),
        pytest.param(
            a_hook("preStop", ok=False),
            [(W, "FailedPreStopHook", "PreStopHook failed")],
            id="preStop failed",  # L-192
        ),
        pytest.param(a_hook("preStop", ok=True), [], id="a hook that worked"),
        pytest.param(
            VolumeFailed(**OF_POD, volume="cfg", message='configmap "c" not found'),
            [
                (
                    W,
                    "FailedMount",
                    'MountVolume.SetUp failed for volume "cfg" : configmap "c" not found',
                )
            ],
            id="a volume",  # L-139
        ),
        pytest.param(
            VolumeFailed(**OF_POD, volume="", message="unmounted volumes=[cfg]"),
            [(W, "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[cfg]")],
            id="waiting for volumes",  # L-139
        ),
        pytest.param(
            DeadlineExceeded(**OF_POD, message=TOO_LONG),
            [(N, "DeadlineExceeded", TOO_LONG)],
            id="deadline",  # L-251
        ),
        pytest.param(
            PodEvicted(**OF_POD, message=OVER_LIMIT),
            [(W, "Evicted", OVER_LIMIT)],
            id="evicted",  # L-142
        ),
        pytest.param(
            KillFailed(**OF_POD, reason="FailedKillPod", message="pid 7 is still there"),
            [(W, "FailedKillPod", "error killing pod: pid 7 is still there")],
            id="survived SIGKILL",  # L-200
        ),
        pytest.param(
            KillFailed(**OF_POD, reason="ExceededGracePeriod", message="46s of 30s"),
            [(W, "ExceededGracePeriod", NOT_IN_TIME)],
            id="took too long to stop",  # L-250
        ),
        pytest.param(
            LimitNotEnforced(**OF_APP, message="cpu limit 1 is not enforced"),
            [(W, "LimitNotEnforced", "cpu limit 1 is not enforced")],
            id="ours: a limit that cannot be enforced",
        ),
        pytest.param(
            PortClash(**OF_APP, message="port 8080 is taken"),
            [(W, "PortClash", "port 8080 is taken")],
            id="port taken",
        ),
        pytest.param(
            LogLost(**OF_APP, lost_bytes=12, message="12 bytes lost: disk full"),
            [(W, "LogLost", "12 bytes lost: disk full")],
            id="log lost",
        ),
        pytest.param(
            ConditionChanged(**OF_POD, type="Ready", status="True"), [], id="a condition is none"
        ),
        pytest.param(
            ContainerExited(
                **OF_APP,
                container_id=ID,
                restart_count=0,
                exit_code=1,
                signal=None,
                reason="Error",
                message="",
                ran_seconds=1,
                cause=None,
            ),
            [],
            id="an exit is none",
        ),
        pytest.param(
            StopStep(**OF_APP, container_id=ID, step="TERM", seconds=30), [], id="a step is none"
        ),
    ],
)
def test_what_a_record_says(record: Record, said: list[tuple[EventType, str, str]]) -> None:
    assert events_of(record) == tuple(
        EventDraft(
            at=AT,
            pod=POD,
            type=type_,
            reason=reason,
            message=message,
            field_path=record.field_path,
        )
        for type_, reason, message in said
    )


def a_draft(
    message: str = "Liveness probe failed: x", seconds: float = 0, **changes: Any
) -> EventDraft:
    draft = EventDraft(
        at=AT + timedelta(seconds=seconds),
        pod=POD,
        type=W,
        reason=Reason.UNHEALTHY,
        message=message,
        field_path=FIELD_PATH,
    )
    return dataclasses.replace(draft, **changes)


def test_the_event_of_a_probe_is_of_its_end() -> None:
    slow = dataclasses.replace(a_probe("failure", output="x"), duration_seconds=3.0)
    assert [draft.at for draft in events_of(slow)] == [AT + timedelta(seconds=3)]


def test_an_event_is_named_by_its_pod_and_time_in_hex() -> None:  # L-272
    event = EventRecorder().add(a_draft())
    prefix, _, stamp = event.name.partition(".")
    assert (prefix, int(stamp, 16)) == ("web", 1767268800 * 10**9)


def test_two_events_of_one_moment_have_two_names() -> None:
    recorder = EventRecorder()
    names = {recorder.add(a_draft(f"text {i}")).name for i in range(5)}
    assert len(names) == 5


def test_an_equal_event_raises_the_count_and_the_last_time() -> None:  # P-521
    recorder = EventRecorder()
    first = recorder.add(a_draft())
    again = recorder.add(a_draft(seconds=7))
    assert again == dataclasses.replace(first, count=2, last_timestamp=AT + timedelta(seconds=7))
    assert recorder.events() == (again,)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"message": "other"}, id="message"),
        pytest.param({"type": N}, id="type"),
        pytest.param({"reason": Reason.KILLING}, id="reason"),
        pytest.param({"field_path": "spec.containers{db}"}, id="field path"),
        pytest.param({"pod": PodRef("default", "web", "other uid")}, id="pod uid"),
    ],
)
def test_an_event_that_differs_is_counted_apart(change: dict[str, Any]) -> None:  # P-521
    recorder = EventRecorder()
    recorder.add(a_draft())
    recorder.add(a_draft(**change))
    assert [event.count for event in recorder.events()] == [1, 1]


def test_the_tenth_distinct_message_is_merged_and_so_are_later_ones() -> None:  # P-520
    recorder = EventRecorder()
    for i in range(12):
        recorder.add(a_draft(f"text {i}", seconds=i))
    merged = recorder.events()[-1]
    assert len(recorder.events()) == 10
    assert (merged.message, merged.count, merged.first_timestamp) == (
        "(combined from similar events): text 11",
        3,
        AT + timedelta(seconds=9),
    )


def test_a_known_message_is_still_counted_as_itself_after_merging_began() -> None:  # P-520
    recorder = EventRecorder()
    for i in range(11):
        recorder.add(a_draft(f"text {i}"))
    assert recorder.add(a_draft("text 3")).count == 2


@pytest.mark.parametrize(
    ("pause", "merged"),
    [
        pytest.param(SIMILAR_SECONDS, True, id="within the interval they are merged"),
        pytest.param(SIMILAR_SECONDS + 1, False, id="after a longer pause they stand alone"),
    ],
)
def test_merging_ends_after_a_pause(pause: float, merged: bool) -> None:  # P-520
    recorder = EventRecorder()
    for i in range(10):
        recorder.add(a_draft(f"text {i}"))
    event = recorder.add(a_draft("late", seconds=pause))
    assert event.message.startswith("(combined") is merged


def test_no_event_is_dropped_however_many_there_are() -> None:  # B-21
    recorder = EventRecorder()
    for i in range(500):
        recorder.add(a_draft(seconds=i))
        recorder.add(a_draft("other", seconds=i))
    assert [event.count for event in recorder.events()] == [500, 500]


def test_memory_is_bounded_and_the_least_recently_used_goes_first() -> None:  # P-523
    recorder = EventRecorder(capacity=3)
    pods = [PodRef("default", f"p{i}", str(i)) for i in range(4)]
    for pod in pods[:3]:
        recorder.add(a_draft(pod=pod))
    recorder.add(a_draft(pod=pods[0]))
    recorder.add(a_draft(pod=pods[3]))
    assert [(e.pod.name, e.count) for e in recorder.events()] == [("p2", 1), ("p0", 2), ("p3", 1)]


def test_the_recorder_listens_to_the_journal_and_tells_of_new_and_raised_events() -> None:
    journal, recorder = Journal(SystemClock()), EventRecorder()
    heard: list[Event] = []
    journal.subscribe(recorder.on_record)
    recorder.subscribe(heard.append)
    journal.append(a_probe("success"))
    journal.append(a_probe("failure", output="x"))
    journal.append(a_probe("failure", output="x"))
    assert [(event.message, event.count) for event in heard] == [
        ("Liveness probe failed: x", 1),
        ("Liveness probe failed: x", 2),
    ]
    assert recorder.events("0a1b") == (heard[1],)
    assert recorder.events("another") == ()
