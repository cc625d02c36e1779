"""What a person is told of a run: journal records and Events → sentences, each fact once.

Role: decides what is worth a line and how it is put. A fact that is both a record and an Event is
told from the record, which knows more (how often in a row, after how long, why).
Invariants: no input or output, and no time but that of the records. Not told: successful probes,
steps that went as planned, and repetitions beyond those of `is_news`.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from minikubelet.events import Event, EventType, Reason, events_of
from minikubelet.journal import (
    BackOffStarted,
    ConditionChanged,
    ContainerCreated,
    ContainerExited,
    ContainerStarted,
    ContainerStartFailed,
    HookRan,
    KillRequested,
    PhaseChanged,
    PodRef,
    ProbeAttempted,
    Record,
    StopStep,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.pod.wording import brief, exit_text, one_line
from minikubelet.value_class import dataclass


class Tone(Enum):
    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line about a pod or, if `container` is set, a container."""

    at: datetime
    pod: PodRef
    container: str
    text: str
    tone: Tone = Tone.PLAIN


_TOLD_FROM_RECORDS = frozenset(
    {
        Reason.SCHEDULED,
        Reason.CREATED,
        Reason.STARTED,
        Reason.KILLING,
        Reason.BACK_OFF,
        Reason.FAILED,
        Reason.UNHEALTHY,
        Reason.PROBE_WARNING,
        Reason.FAILED_POST_START_HOOK,
        Reason.FAILED_PRE_STOP_HOOK,
    }
)
_TOLD_ELSEWHERE = frozenset({"CrashLoopBackOff", "PostStartHookError"})
_ASKED_FOR = frozenset({KillCause.DELETED, KillCause.SHUTDOWN, KillCause.POD_FINISHED})
_LONG_HOOK_SECONDS = 1.0

_Container = tuple[str, str]
"""Pod UID and container name."""


class Narrator:
    """Remembers what was told, as far as later sentences depend on it: some words per container."""

    def __init__(self) -> None:
        self._sources: dict[_Container, str] = {}
        self._exits: dict[_Container, str] = {}
        self._start_failures: dict[_Container, str] = {}
        self._probe_texts: dict[tuple[_Container, ProbeKind], str] = {}
        """What was last told of runs that have no number: warnings."""
        self._stopping: dict[_Container, str] = {}
        """The id of the instance that is being stopped."""
        self._started: dict[str, set[str]] = {}
        self._probed_ready: set[_Container] = set()

    def event(self, event: Event) -> tuple[Sentence, ...]:
        if event.reason in _TOLD_FROM_RECORDS or not is_news(event.count):
            return ()
        times = f" (x{event.count})" if event.count > 1 else ""
        container = event.field_path.partition("{")[2].rstrip("}")
        text = f"{event.reason}: {one_line(event.message)}{times}"
        tone = Tone.WARNING if event.type is EventType.WARNING else Tone.PLAIN
        return (Sentence(event.last_timestamp, event.pod, container, text, tone),)

    def record(self, record: Record) -> tuple[Sentence, ...]:
        said = self._said(record, (record.pod.uid, record.container))
        return tuple(
            Sentence(record.known_at, record.pod, record.container, text, tone)
            for text, tone in said
        )

    def _said(self, record: Record, key: _Container) -> list[tuple[str, Tone]]:
        match record:
            case ContainerCreated():
                # Said once: a restart runs the same.
                found = record.command_source != "manifest" and record.restart_count == 0
                self._sources[key] = record.command_source if found else ""
            case ContainerStarted():
                return [self._started_text(record, key)]
            case ContainerStartFailed():
                return self._start_failed(record, key)
            case ContainerExited():
                return self._exited(record, key)
            case BackOffStarted():
                text = f"back-off: next start in {brief(record.remaining_seconds)}"
                return [(text, Tone.WARNING)]
            case ProbeAttempted():
                return self._probed(record, key)
            case KillRequested():
                self._stopping[key] = record.container_id
                (event,) = events_of(record)
                grace = brief(record.grace_period_seconds)
                tone = Tone.PLAIN if record.cause in _ASKED_FOR else Tone.WARNING
                return [(f"Killing: {event.message} (grace {grace})", tone)]
            case StopStep(step="KILL"):
                text = f"SIGKILL: still running {brief(record.seconds)} after SIGTERM"
                return [(text, Tone.WARNING)]
            case HookRan():
                return _hook(record)
            case ConditionChanged(type="Ready", status="True") if not self._is_told(record.pod):
                return [("ready", Tone.GOOD)]
            case ConditionChanged(type="PodScheduled", status="False"):
                return [(f"not started: {record.reason}: {record.message}", Tone.WARNING)]
            case PhaseChanged(new="Succeeded" | "Failed"):
                reason = f" ({record.reason})" if record.reason else ""
                tone = Tone.GOOD if record.new == "Succeeded" else Tone.WARNING
                return [(f"phase {record.new}{reason}", tone)]
        return []

    def _started_text(self, record: ContainerStarted, key: _Container) -> tuple[str, Tone]:
        self._started.setdefault(record.pod.uid, set()).add(record.container)
        self._start_failures.pop(key, None)
        for kind in ProbeKind:
            self._probe_texts.pop((key, kind), None)
        text = f"started (pid {record.pid})"
        if record.restart_count:
            text = f"restarted (restart {record.restart_count}, pid {record.pid})"
            if key in self._exits:
                text += f", was: {self._exits[key]}"
        if self._sources.get(key):
            text += f", {one_line(self._sources[key])}"
        return text, Tone.PLAIN

    def _start_failed(
        self, record: ContainerStartFailed, key: _Container
    ) -> list[tuple[str, Tone]]:
        text = f"cannot start: {record.reason}: {one_line(record.message)}"
        if record.reason in _TOLD_ELSEWHERE or self._start_failures.get(key) == text:
            return []
        self._start_failures[key] = text
        return [(text, Tone.WARNING)]

    def _exited(self, record: ContainerExited, key: _Container) -> list[tuple[str, Tone]]:
        self._stopping.pop(key, None)
        self._exits[key] = exit_text(record)
        said = []
        if record.reason != "StartError":  # told when the start failed
            ended = "completed" if record.exit_code == 0 and not record.cause else "ended"
            text = f"{ended} after {brief(record.ran_seconds)}"
            if ended == "ended":
                text += f": {exit_text(record)}"
            if record.message:
                text += f"; message: {one_line(record.message)}"
            bad = record.exit_code != 0 and record.cause not in _ASKED_FOR
            said.append((text, Tone.WARNING if bad else Tone.PLAIN))
        if record.survivors:
            text = f"killed what it left behind: {', '.join(record.survivors)}"
            said.append((one_line(text), Tone.WARNING))
        return said

    def _probed(self, record: ProbeAttempted, key: _Container) -> list[tuple[str, Tone]]:
        changed = record.verdict != record.verdict_before
        if record.outcome == "success" and not changed:
            return []  # by far the most
        if self._stopping.get(key) == record.container_id:
            return []  # that a container stops answering while it is stopped is no news (B-13)
        said = [
            (f"{event.reason}: {one_line(event.message)}{_run_text(record)}", Tone.WARNING)
            for event in events_of(record)
            if self._is_probe_news(record, (key, record.kind), event.message)
        ]
        match record.kind, record.verdict:
            case ProbeKind.READINESS, "success" if changed:
                self._probed_ready.add(key)
                said.append(("ready", Tone.GOOD))
            case ProbeKind.READINESS, "failure" if changed:
                said.append(("not ready", Tone.WARNING))
            case ProbeKind.STARTUP, "success" if changed:
                said.append(("startup probe succeeded", Tone.GOOD))
        return said

    def _is_probe_news(
        self, record: ProbeAttempted, key: tuple[_Container, ProbeKind], message: str
    ) -> bool:
        if _is_numbered(record):
            return is_news(record.run_length, record.threshold)
        known, self._probe_texts[key] = self._probe_texts.get(key), message
        return known != message

    def _is_told(self, pod: PodRef) -> bool:
        """Whether the one container of the pod said `ready` for it."""
        started = self._started.get(pod.uid, set())
        return len(started) == 1 and all((pod.uid, name) in self._probed_ready for name in started)


def is_news(times: int, threshold: int = 0) -> bool:
    """Whether the n-th repetition is worth a line: the first three, the one that decides, and 10,
    100, 1000 …"""
    return times <= 3 or times == threshold or str(times).strip("0") == "1"


def _is_numbered(record: ProbeAttempted) -> bool:
    """Whether the attempt is the n-th failure in a row; errors count as failures (B-8)."""
    return record.outcome == "failure" or bool(record.error)


def _run_text(record: ProbeAttempted) -> str:
    if not _is_numbered(record):
        return ""
    if record.run_length <= record.threshold:
        return f" ({record.run_length} of {record.threshold})"
    return f" ({record.run_length} in a row)"


def _hook(record: HookRan) -> list[tuple[str, Tone]]:
    took = brief(record.duration_seconds)
    if not record.ok:
        (event,) = events_of(record)
        text = f"{event.reason}: {event.message} after {took}: {one_line(record.message)}"
        return [(text, Tone.WARNING)]
    if record.duration_seconds >= _LONG_HOOK_SECONDS:
        return [(f"{record.hook} hook took {took}", Tone.PLAIN)]
    return []
