"""Events: what `kubectl describe` tells about a pod, derived from the journal.

Role: `events_of` turns one journal record into the Events that Kubernetes writes for it, with the
exact reasons and texts; `EventRecorder` counts equal ones and merges similar ones, as the client
library of the kubelet does.
Invariants: `events_of` is pure; every draft is counted in exactly one Event; memory is bounded.
Upstream: pkg/kubelet/events and client-go tools/record. Differs: there is no spam filter, so no
Event and no count is dropped (B-21).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from minikubelet.journal import (
    BackOffStarted,
    ContainerCreated,
    ContainerStarted,
    ContainerStartFailed,
    DeadlineExceeded,
    HookRan,
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
    SandboxChanged,
    VolumeFailed,
)
from minikubelet.manifest.fieldpath import go_quote
from minikubelet.value_class import dataclass


class EventType(StrEnum):
    NORMAL = "Normal"
    WARNING = "Warning"


class Reason(StrEnum):
    """Every reason that minikubelet gives (L-274, P-500 …), except those of refused pods (L-70),
    which are open: `OutOf<resource>`."""

    SCHEDULED = "Scheduled"
    CREATED = "Created"
    STARTED = "Started"
    KILLING = "Killing"
    BACK_OFF = "BackOff"
    FAILED = "Failed"
    UNHEALTHY = "Unhealthy"
    PROBE_WARNING = "ProbeWarning"
    FAILED_POST_START_HOOK = "FailedPostStartHook"
    FAILED_PRE_STOP_HOOK = "FailedPreStopHook"
    LIFECYCLE_HTTP_FALLBACK = "LifecycleHTTPFallback"
    FAILED_MOUNT = "FailedMount"
    FAILED_KILL_POD = "FailedKillPod"
    EXCEEDED_GRACE_PERIOD = "ExceededGracePeriod"
    FAILED_VALIDATION = "FailedValidation"
    SANDBOX_CHANGED = "SandboxChanged"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    EVICTED = "Evicted"
    PORT_CLASH = "PortClash"
    """Ours: a declared port is taken."""
    LIMIT_NOT_ENFORCED = "LimitNotEnforced"
    """Ours: a resource limit that this host cannot enforce."""
    LOG_LOST = "LogLost"
    """Ours: container output that could not be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """One thing that happened, not yet counted."""

    at: datetime
    pod: PodRef
    type: EventType
    reason: str
    message: str
    field_path: str = ""
    kind: str = "Pod"
    """Of the object that `pod` names. A Node has no namespace, and its name as UID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An Event as `kubectl get events` shows it (L-272); equal ones raise `count` (L-273)."""

    name: str
    pod: PodRef
    type: EventType
    reason: str
    message: str
    field_path: str
    count: int
    first_timestamp: datetime
    last_timestamp: datetime
    kind: str = "Pod"


def events_of(record: Record) -> tuple[EventDraft, ...]:
    """The Events that a record stands for: one or none, two for an image that cannot be had."""
    return tuple(
        EventDraft(
            at=record.known_at,
            pod=record.pod,
            type=type_,
            reason=reason,
            message=_name_container(message, record),
            field_path=record.field_path,
        )
        for type_, reason, message in _said_by(record)
    )


_Said = Iterator[tuple[EventType, str, str]]

_REJECTED = "Pod was rejected: "
_TOLD_ELSEWHERE = frozenset({"CrashLoopBackOff", "PostStartHookError"})
"""Waiting reasons whose Events come from other records."""


def _said_by(record: Record) -> _Said:
    match record:
        case PodAccepted(scheduled_to=node) if node:
            text = f"Successfully assigned {record.pod} to {node}"
            yield EventType.NORMAL, Reason.SCHEDULED, text
        case PhaseChanged(new="Failed", message=message) if message.startswith(_REJECTED):
            yield EventType.WARNING, record.reason, message.removeprefix(_REJECTED)
        case ContainerCreated():
            yield EventType.NORMAL, Reason.CREATED, "Container created"
        case ContainerStarted():
            yield EventType.NORMAL, Reason.STARTED, "Container started"
        case ContainerStartFailed():
            yield from _said_by_start_failure(record)
        case BackOffStarted():
            failed = f"{record.container} in pod {record.pod.description}"
            text = f"Back-off restarting failed container {failed}"
            yield EventType.WARNING, Reason.BACK_OFF, text
        case ProbeAttempted():
            yield from _said_by_probe(record)
        case KillRequested():
            text = record.message or f"Stopping container {record.container}"
            yield EventType.NORMAL, Reason.KILLING, text
        case HookRan(ok=False, hook="postStart"):
            yield EventType.WARNING, Reason.FAILED_POST_START_HOOK, "PostStartHook failed"
        case HookRan(ok=False):
            yield EventType.WARNING, Reason.FAILED_PRE_STOP_HOOK, "PreStopHook failed"
        case HookRan(fallback_host=host) if host:
            text = (
                f"request to HTTPS lifecycle hook {host} got HTTP response, "
                "retry with HTTP succeeded"
            )
            yield EventType.WARNING, Reason.LIFECYCLE_HTTP_FALLBACK, text
        case VolumeFailed(volume=""):
            text = f"Unable to attach or mount volumes: {record.message}"
            yield EventType.WARNING, Reason.FAILED_MOUNT, text
        case VolumeFailed():
            text = (
                f"MountVolume.SetUp failed for volume {go_quote(record.volume)} : {record.message}"
            )
            yield EventType.WARNING, Reason.FAILED_MOUNT, text
        case DeadlineExceeded():
            yield EventType.NORMAL, Reason.DEADLINE_EXCEEDED, record.message
        case PodEvicted():
            yield EventType.WARNING, Reason.EVICTED, record.message
        case KillFailed(reason=Reason.EXCEEDED_GRACE_PERIOD):
            text = "Container runtime did not kill the pod within specified grace period."
            yield EventType.WARNING, Reason.EXCEEDED_GRACE_PERIOD, text
        case KillFailed():
            yield EventType.WARNING, Reason.FAILED_KILL_POD, f"error killing pod: {record.message}"
        case SandboxChanged():
            yield EventType.NORMAL, Reason.SANDBOX_CHANGED, record.message
        case PortClash():
            yield EventType.WARNING, Reason.PORT_CLASH, record.message
        case LimitNotEnforced():
            yield EventType.WARNING, Reason.LIMIT_NOT_ENFORCED, record.message
        case LogLost():
            yield EventType.WARNING, Reason.LOG_LOST, record.message


def _said_by_start_failure(record: ContainerStartFailed) -> _Said:
    image = go_quote(record.image)
    match record.reason:
        case reason if reason in _TOLD_ELSEWHERE:
            return
        case "ErrImagePull":
            text = f"Failed to pull image {image}: {record.message}"
            yield EventType.WARNING, Reason.FAILED, text
            yield EventType.WARNING, Reason.FAILED, "Error: ErrImagePull"
        case "ImagePullBackOff":
            yield EventType.NORMAL, Reason.BACK_OFF, f"Back-off pulling image {image}"
            yield EventType.WARNING, Reason.FAILED, "Error: ImagePullBackOff"
        case _:
            yield EventType.WARNING, Reason.FAILED, f"Error: {record.message}"


_RESULTS = frozenset({"success", "warning", "failure", "unknown"})


def _said_by_probe(record: ProbeAttempted) -> _Said:
    text = probe_event_text(record.kind, record.outcome, record.output, record.error)
    if record.error or record.outcome == "failure":
        yield EventType.WARNING, Reason.UNHEALTHY, text
    elif record.outcome == "warning":
        yield EventType.WARNING, Reason.PROBE_WARNING, text


def probe_event_text(kind: str, outcome: str, output: str, error: str) -> str:
    """The message of the Event of one run (P-500 … P-502); empty where there is none."""
    if error:
        result = outcome if outcome in _RESULTS else "unknown"
        return f"{kind} probe errored and resulted in {result} state: {error}"
    words = {"failure": "failed", "warning": "warning"}.get(outcome)
    return f"{kind} probe {words}: {output}" if words else ""


def _name_container(message: str, record: Record) -> str:
    """Container ids become the container's name, so that texts stay equal over restarts (L-273)."""
    container_id: str = getattr(record, "container_id", "").partition("://")[2]
    return message.replace(container_id, record.container) if container_id else message


SIMILAR_LIMIT = 10
"""From this many distinct messages on, they are merged (P-520)."""
SIMILAR_SECONDS = 600.0
CAPACITY = 4096
"""Events, and groups of similar ones, that are kept; least recently used first out (P-523)."""

_COMBINED = "(combined from similar events): "
_Key = tuple[str, ...]
Listener = Callable[[Event], None]


@dataclass(slots=True)
class _SimilarEvents:
    """The distinct messages of one pod, type and reason, up to the limit."""

    last: datetime
    messages: set[str] = field(default_factory=set)


class EventRecorder:
    """Keeps the Events of all pods and tells its listeners about each new or raised one.

    Subscribe `on_record` to the journal. Like the journal it belongs to one thread, and listeners
    must not wait.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._events: OrderedDict[_Key, Event] = OrderedDict()
        self._similar: OrderedDict[_Key, _SimilarEvents] = OrderedDict()
        self._listeners: list[Listener] = []
        self._last_name_ns = 0

    def subscribe(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def on_record(self, record: Record) -> None:
        for draft in events_of(record):
            self.add(draft)

    def add(self, draft: EventDraft) -> Event:
        """Count a draft in; callable also for what no record stands for (a refused manifest)."""
        key, message = self._place(draft)
        known = self._events.get(key)
        if known is None:
            event = self._first(draft, message)
        else:
            event = dataclasses.replace(
                known, message=message, count=known.count + 1, last_timestamp=draft.at
            )
        self._events[key] = event
        self._events.move_to_end(key)
        _shrink(self._events, self._capacity)
        for listener in self._listeners:
            listener(event)
        return event

    def restore(self, event: Event) -> None:
        """Go on counting an Event of an earlier process; the least recently updated one first."""
        group = _group(event)
        similar = self._similar.setdefault(group, _SimilarEvents(event.last_timestamp))
        similar.last = max(similar.last, event.last_timestamp)
        if event.message.startswith(_COMBINED):
            self._events[group] = event
        else:
            similar.messages.add(event.message)
            self._events[(*group, event.field_path, event.message)] = event
        suffix = event.name.rpartition(".")[2]
        with contextlib.suppress(ValueError):
            self._last_name_ns = max(self._last_name_ns, int(suffix, 16))
        _shrink(self._events, self._capacity)
        _shrink(self._similar, self._capacity)

    def events(self, pod_uid: str | None = None) -> tuple[Event, ...]:
        """The Events of one pod, or all, least recently updated first."""
        return tuple(e for e in self._events.values() if pod_uid in (None, e.pod.uid))

    def _place(self, draft: EventDraft) -> tuple[_Key, str]:
        """Where a draft is counted, and the text to show: its own, or the merged one (P-520)."""
        group = _group(draft)
        similar = self._similar.get(group)
        if similar is None or draft.at - similar.last > timedelta(seconds=SIMILAR_SECONDS):
            similar = self._similar[group] = _SimilarEvents(draft.at)
        similar.last = draft.at
        self._similar.move_to_end(group)
        _shrink(self._similar, self._capacity)
        if draft.message not in similar.messages:
            if len(similar.messages) >= SIMILAR_LIMIT - 1:
                return group, f"{_COMBINED}{draft.message}"
            similar.messages.add(draft.message)
        return (*group, draft.field_path, draft.message), draft.message

    def _first(self, draft: EventDraft, message: str) -> Event:
        return Event(
            name=f"{draft.pod.name}.{self._name_ns(draft.at):x}",
            pod=draft.pod,
            type=draft.type,
            reason=draft.reason,
            message=message,
            field_path=draft.field_path,
            count=1,
            first_timestamp=draft.at,
            last_timestamp=draft.at,
            kind=draft.kind,
        )

    def _name_ns(self, at: datetime) -> int:
        """Nanoseconds since 1970, moved on where needed, so that names are unique."""
        since_epoch = at - datetime(1970, 1, 1, tzinfo=UTC)
        nanoseconds = since_epoch // timedelta(microseconds=1) * 1000
        self._last_name_ns = max(nanoseconds, self._last_name_ns + 1)
        return self._last_name_ns


def _group(event: EventDraft | Event) -> _Key:
    pod = event.pod
    return (event.kind, pod.namespace, pod.name, pod.uid, event.type, event.reason)


def _shrink(
    entries: OrderedDict[_Key, Event] | OrderedDict[_Key, _SimilarEvents], limit: int
) -> None:
    while len(entries) > limit:
        entries.popitem(last=False)
