"""What the process layer and the probes report about one pod: the input of every decision.

Pure values. Times come twice: aware UTC datetimes for people and status, monotonic seconds (of this
boot, comparable between processes and across a restart of the daemon) for decisions, so that a jump
of the wall clock moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind, ResourceRequirements
from minikubelet.value_class import dataclass


class Verdict(StrEnum):
    """A probe's adopted result (P-117)."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"


class RunState(StrEnum):
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"
    """The record says running, but its shim and process cannot be found (L-97)."""


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """One instance: one start of a container. Never reused; a restart makes a new one (P-127)."""

    container_id: str
    """`process://<64 hex digits>`, unique per instance (L-118)."""
    name: str
    restart_count: int
    state: RunState
    created_at: datetime
    started_at: datetime | None = None
    started_monotonic: float | None = None
    finished_at: datetime | None = None
    finished_monotonic: float | None = None
    exit_code: int | None = None
    """0-255; death by signal n is 128+n (L-119). None unless EXITED."""
    reason: str = ""
    """Completed, Error, OOMKilled … (lifecycle spec, section 8). Empty unless EXITED."""
    message: str = ""
    """Runtime message and termination message joined (L-213, L-214); empty unless EXITED."""
    image: str = ""
    """The image it was started from: another one in the spec is a changed definition (L-99)."""
    resources: ResourceRequirements | None = None
    """Those it was started with, None if that is not known: others may ask for a restart (L-257).
    """
    hook_pending: bool = False
    """True while postStart has not returned: published as waiting until then (L-185)."""
    killed_for: KillCause | None = None
    """Why it was asked to stop, None when it ended by itself: after a probe kill, exit codes do not
    decide about the restart (L-98)."""
    former_sandbox: bool = False
    """It had succeeded before the host was started anew: it is not run again, and does not tell
    that the pod is initialized now (L-94)."""


@dataclass(frozen=True, slots=True)
class StartFailure:
    """An entry of the reason cache: why the last start of a container failed (L-91, L-206)."""

    reason: str
    message: str = ""
    retry_at: float | None = None
    """Not tried again before (monotonic); None when the crash-loop back-off alone decides."""


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """Everything known about a pod's containers at one moment."""

    runs: Mapping[str, tuple[ContainerRun, ...]] = field(default_factory=dict)
    """Instances by container name, newest first; the newest two are enough (L-202)."""
    verdicts: Mapping[tuple[ProbeKind, str], Verdict] = field(default_factory=dict)
    """Cached results by (kind, container id); no entry means nothing cached (P-117)."""
    start_failures: Mapping[str, StartFailure] = field(default_factory=dict)
    """The reason cache by container name."""
    sandbox_ready: bool = True
    """The pod's directory and bookkeeping exist (L-93, L-229). While they do not, known runs are
    those of a former life of the pod, before the host's boot (L-94)."""

    def latest(self, name: str) -> ContainerRun | None:
        runs = self.runs.get(name, ())
        return runs[0] if runs else None

    def previous(self, name: str) -> ContainerRun | None:
        runs = self.runs.get(name, ())
        return runs[1] if len(runs) > 1 else None

    def verdict(self, kind: ProbeKind, container_id: str) -> Verdict | None:
        return self.verdicts.get((kind, container_id))

    def any_running(self) -> bool:
        return any(run.state is RunState.RUNNING for runs in self.runs.values() for run in runs)
