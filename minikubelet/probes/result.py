"""What one probe attempt found, before thresholds (probes.md, section 2). Pure values."""

from __future__ import annotations

from enum import StrEnum

from minikubelet.value_class import dataclass


class Outcome(StrEnum):
    """What a mechanism saw (P-205)."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One attempt. `error` set means that the attempt itself could not be made (P-202, P-208)."""

    outcome: Outcome
    output: str = ""
    error: str = ""
    detail: str = ""
    """Evidence that upstream's text leaves out: body excerpt, output so far, spawn time."""
