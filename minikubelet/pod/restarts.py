"""Whether an exited container runs again, and when (L-162 … L-175). (contract)"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackOffEntry:
    """Crash-loop state of one container (L-168). Times are monotonic seconds."""

    delay_seconds: float
    last_update: float
