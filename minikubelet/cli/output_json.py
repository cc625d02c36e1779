"""`minikubelet run -o json`: one JSON object per line, for programs.

Every object has `type` and `time` (RFC 3339). `pod` is `{"namespace", "name", "uid"}`.

- `log`: `pod`, `container`, `stream`, `text`; `partial: true` if no newline followed; `base64`, the
  exact bytes, if they are not UTF-8 (`text` then has U+FFFD). `time` is that of the log file.
- `event`: `pod`, `eventType` (Normal, Warning), `reason`, `message`, `count`, `firstTimestamp`,
  `name`; `fieldPath` of container events. An Event that is repeated comes again.
- `record`: `pod`, `container` of container records, `record` (what happened), `data` (its fields).
- `status`: `message`, what minikubelet itself is doing.
- `warning`: `message`; `pod` and `container` if it is about one.
- `summary`: `verdict`, `pods` (how each pod and container ended). The last object of a run.

Fields without a value are left out. `run_output.schema.json`, beside this file, is the same as JSON
Schema. Fields may be added in later versions; those that are there keep their meaning.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from minikubelet.cli.line_writer import LineWriter
from minikubelet.cli.output import AfterLogs, PodSummary
from minikubelet.cli.summary_table import last_exit, state_text
from minikubelet.events import Event
from minikubelet.journal import PodRef, Record
from minikubelet.journal_json import record_to_json
from minikubelet.pod.pod_status import ContainerStatus
from minikubelet.runtime.container_log import LogEntry

_Object = dict[str, Any]


def log_object(pod: PodRef, container: str, entry: LogEntry) -> _Object:
    text = entry.text.decode(errors="replace")
    out: _Object = {
        "type": "log",
        "time": entry.timestamp,
        "pod": _pod(pod),
        "container": container,
        "stream": entry.stream,
        "text": text,
    }
    if entry.partial:
        out["partial"] = True
    if "\ufffd" in text and text.encode() != entry.text:
        out["base64"] = base64.b64encode(entry.text).decode("ascii")
    return out


def event_object(event: Event) -> _Object:
    return {
        "type": "event",
        "time": _time(event.last_timestamp),
        "pod": _pod(event.pod),
        "eventType": event.type,
        "reason": event.reason,
        "message": event.message,
        "count": event.count,
        "firstTimestamp": _time(event.first_timestamp),
        "name": event.name,
        **({"fieldPath": event.field_path} if event.field_path else {}),
    }


def record_object(record: Record) -> _Object:
    data = record_to_json(record)
    out = {"type": "record", "time": data.pop("at"), "pod": data.pop("pod")}
    if record.container:
        out["container"] = data.pop("container")
    return {**out, "record": data.pop("record"), "data": data}


def message_object(type_: str, at: datetime, text: str) -> _Object:
    """`status` or `warning`."""
    return {"type": type_, "time": _time(at), "message": text}


def summary_object(at: datetime, pods: Sequence[PodSummary], verdict: str) -> _Object:
    return {
        "type": "summary",
        "time": _time(at),
        "verdict": verdict,
        "pods": [_pod_summary(pod) for pod in pods],
    }


def _pod_summary(summary: PodSummary) -> _Object:
    status = summary.status
    containers = [
        *(_container_summary(c, summary, init=True) for c in status.init_container_statuses),
        *(_container_summary(c, summary, init=False) for c in status.container_statuses),
    ]
    return {
        "pod": _pod(summary.pod),
        "phase": status.phase,
        **_given(reason=status.reason, message=status.message),
        "containers": containers,
    }


def _container_summary(container: ContainerStatus, summary: PodSummary, *, init: bool) -> _Object:
    out: _Object = {
        "name": container.name,
        "init": init,
        "state": state_text(container),
        "ready": container.ready,
        "restartCount": container.restart_count,
    }
    ended = last_exit(container)
    if ended is not None:
        cause = summary.exit_causes.get(container.name, "")
        out["lastExit"] = {
            "exitCode": ended.exit_code,
            **_given(reason=ended.reason, message=ended.message, cause=cause),
        }
    return out


def _pod(pod: PodRef) -> dict[str, str]:
    return {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid}


def _given(**texts: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def render(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        errors="backslashreplace"
    )


class JsonOutput:
    """A `RunOutput`."""

    def __init__(
        self,
        fd: int,
        *,
        now: Callable[[], datetime],
        on_broken: Callable[[OSError], None] = lambda error: None,
    ) -> None:
        self._writer = LineWriter(fd, self._left_out, on_broken)
        self._now = now

    def speak_through(self, after_logs: AfterLogs) -> None:
        self._writer.speak_through(after_logs)

    def event(self, event: Event) -> None:
        self._post(event_object(event))

    def record(self, record: Record) -> None:
        self._post(record_object(record))

    def log_lines(self, pod: PodRef, container: str, entries: Sequence[LogEntry]) -> None:
        lines = [render(log_object(pod, container, entry)) + b"\n" for entry in entries]
        self._writer.write(b"".join(lines))

    def log_lost(self, pod: PodRef, container: str) -> None:
        text = "log lines were rotated away before they could be told"
        warning = message_object("warning", self._now(), text)
        self._writer.write(render({**warning, "pod": _pod(pod), "container": container}) + b"\n")

    def notice(self, text: str, *, warning: bool = False) -> None:
        self._post(message_object("warning" if warning else "status", self._now(), text))

    def summary(self, pods: Sequence[PodSummary], verdict: str) -> None:
        self._post(summary_object(self._now(), pods, verdict))

    def close(self) -> None:
        self._writer.close()

    def _post(self, value: Mapping[str, Any]) -> None:
        self._writer.post(render(value) + b"\n")

    def _left_out(self, lines: int) -> bytes:
        text = f"{lines} objects are left out here: nobody was reading"
        return render(message_object("warning", self._now(), text)) + b"\n"
