"""What `minikubelet run` needs of an output, and the values it gives it.

Role: the seam between the run and its two renderings, `output_text.py` and `output_json.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from minikubelet.events import Event
from minikubelet.journal import PodRef, Record
from minikubelet.pod.pod_status import PodStatus
from minikubelet.runtime.container_log import LogEntry
from minikubelet.value_class import dataclass

AfterLogs = Callable[[Callable[[], None]], None]
"""Calls a function once all log lines of now have been told: `LogFollower.after_logs`."""


@dataclass(frozen=True, slots=True)
class PodSummary:
    """How a pod stood at the end of the run."""

    pod: PodRef
    status: PodStatus
    exit_causes: Mapping[str, str] = field(default_factory=dict)
    """By container: why its last instance ended (`wording.exit_cause`)."""


class RunOutput(Protocol):
    """`log_lines` and `log_lost` are called in the thread that follows the logs and wait for a slow
    reader. The others are called in the event loop's thread and, once `speak_through` was called,
    never wait."""

    def speak_through(self, after_logs: AfterLogs) -> None:
        """From now on say nothing but log lines directly: hand it over, so that what is said about
        a container follows what it wrote, and a reader that does not read holds up nobody."""
        ...

    def event(self, event: Event) -> None: ...

    def record(self, record: Record) -> None: ...

    def log_lines(self, pod: PodRef, container: str, entries: Sequence[LogEntry]) -> None: ...

    def log_lost(self, pod: PodRef, container: str) -> None:
        """Log lines were rotated away before they could be told."""
        ...

    def notice(self, text: str, *, warning: bool = False) -> None: ...

    def summary(self, pods: Sequence[PodSummary], verdict: str) -> None: ...

    def close(self) -> None:
        """Say nothing any more."""
        ...
