"""What a check can find: exit codes, and failures that name container, cause and evidence.

Role: the values that the state machine of `progress.py` ends in and every report shows. Pure.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum

from minikubelet.journal import PodRef
from minikubelet.value_class import dataclass


class ExitCode(IntEnum):
    """The exit status of `minikubelet check` says what went wrong."""

    OK = 0
    NEVER_READY = 10
    CRASH_LOOP = 11
    UNREADY_IN_SOAK = 12
    KILLED_BY_PROBE = 13
    BAD_MANIFEST = 14
    TIMED_OUT = 15
    COMMAND_FAILED = 16
    UNCLEAN_STOP = 17
    INTERNAL_ERROR = 70
    INTERRUPTED = 130

    @property
    def title(self) -> str:
        return _TITLES[self]


_TITLES = {
    ExitCode.OK: "all well",
    ExitCode.NEVER_READY: "never ready",
    ExitCode.CRASH_LOOP: "crash loop",
    ExitCode.UNREADY_IN_SOAK: "became unready",
    ExitCode.KILLED_BY_PROBE: "killed by a probe",
    ExitCode.BAD_MANIFEST: "bad manifest",
    ExitCode.TIMED_OUT: "time-out",
    ExitCode.COMMAND_FAILED: "command failed",
    ExitCode.UNCLEAN_STOP: "unclean stop",
    ExitCode.INTERNAL_ERROR: "internal error",
    ExitCode.INTERRUPTED: "interrupted",
}


class CaseKind(StrEnum):
    """What a check proves of a Pod, step by step."""

    INIT = "init"
    START = "start"
    PROBE = "probe"
    GOAL = "goal"
    SOAK = "soak"
    COMMAND = "command"
    STOP = "clean stop"


@dataclass(frozen=True, slots=True)
class CaseRef:
    """One case of one Pod; `container` and `probe` (its kind, in lower case) of probe cases."""

    kind: CaseKind
    container: str = ""
    probe: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """The first thing that went wrong: it decides."""

    code: ExitCode
    at: datetime
    cause: str
    """One sentence without its subject: `exited with 1 after 30ms`."""
    case: CaseRef
    pod: PodRef | None = None
    container: str = ""
    evidence: tuple[str, ...] = ()
    """Lines: the last probe output, how often it failed."""

    @property
    def subject(self) -> str:
        """`web/app`, `web`, or empty for what concerns no Pod."""
        if self.pod is None:
            return ""
        return f"{self.pod.name}/{self.container}" if self.container else self.pod.name

    @property
    def sentence(self) -> str:
        return f"{self.subject}: {self.cause}" if self.subject else self.cause
