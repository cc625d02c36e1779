"""Between a check and how it is told: nothing passes with the value of a Secret in it.

Role: a `RunOutput` that redacts records, Events, log lines and statuses, hands the records to the
check, keeps what the reports need, and passes everything on to the output that was asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from minikubelet.check.redact import Redactor
from minikubelet.cli.output import AfterLogs, PodSummary, RunOutput
from minikubelet.events import Event
from minikubelet.journal import PodRef, Record
from minikubelet.runtime.container_log import LogEntry

KEPT_RECORDS = 200_000
KEPT_LINES = 2_000
"""Of each container: the newest."""


class CheckOutput:
    """`on_record` gets each record, redacted, in the event loop's thread."""

    def __init__(
        self,
        inner: RunOutput,
        redactor: Redactor,
        *,
        on_record: Callable[[Record], None],
        keep_records: bool,
    ) -> None:
        self._inner = inner
        self._redactor = redactor
        self._on_record = on_record
        self._keep_records = keep_records
        self._records: deque[Record] = deque(maxlen=KEPT_RECORDS)
        self._lines: dict[tuple[PodRef, str], deque[LogEntry]] = {}

    @property
    def records(self) -> tuple[Record, ...]:
        """The newest, in order; empty unless they were to be kept."""
        return tuple(self._records)

    def log_entries(self, pod: PodRef, container: str) -> tuple[LogEntry, ...]:
        """The newest lines; complete once the logs are no longer followed."""
        return tuple(self._lines.get((pod, container), ()))

    def speak_through(self, after_logs: AfterLogs) -> None:
        self._inner.speak_through(after_logs)

    def event(self, event: Event) -> None:
        self._inner.event(self._redactor.value(event))

    def record(self, record: Record) -> None:
        redacted = self._redactor.value(record)
        if self._keep_records:
            self._records.append(redacted)
        self._inner.record(redacted)
        self._on_record(redacted)

    def log_lines(self, pod: PodRef, container: str, entries: Sequence[LogEntry]) -> None:
        redacted = [replace(entry, text=self._redactor.data(entry.text)) for entry in entries]
        self._lines.setdefault((pod, container), deque(maxlen=KEPT_LINES)).extend(redacted)
        self._inner.log_lines(pod, container, redacted)

    def log_lost(self, pod: PodRef, container: str) -> None:
        self._inner.log_lost(pod, container)

    def notice(self, text: str, *, warning: bool = False) -> None:
        self._inner.notice(self._redactor.text(text), warning=warning)

    def summary(self, pods: Sequence[PodSummary], verdict: str) -> None:
        redacted = [replace(pod, status=self._redactor.value(pod.status)) for pod in pods]
        self._inner.summary(redacted, verdict)

    def close(self) -> None:
        self._inner.close()
