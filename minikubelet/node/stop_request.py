"""Why a whole pod is to stop, and how long that may take."""

from __future__ import annotations

from dataclasses import replace

from minikubelet.kill_cause import KillCause
from minikubelet.pod.status import StatusOverride
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Why the whole pod is to stop. Without a grace period the pod's own counts (L-79); `override`
    is what the status will say (L-238). A grace period of 0 kills at once."""

    cause: KillCause
    grace_period_seconds: float | None = None
    override: StatusOverride | None = None

    def shortened(self, grace_period_seconds: float | None) -> StopRequest:
        """With another request's grace period, where that is the shorter one (L-79)."""
        if grace_period_seconds is None:
            return self
        own = self.grace_period_seconds
        grace = grace_period_seconds if own is None else min(own, grace_period_seconds)
        return replace(self, grace_period_seconds=grace)
