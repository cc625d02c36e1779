"""The health that a mock server is told to have: values and one decision. Pure."""

from __future__ import annotations

from enum import Enum

from minikubelet.value_class import dataclass


class Health(Enum):
    OK = "ok"
    NOT_READY = "not ready"
    FAILING = "failing"
    HANGING = "hanging"


def http_answer(health: Health, elapsed: float) -> tuple[int, str] | None:
    """Status and body; None never answers. `elapsed`: seconds since the start."""
    match health:
        case Health.HANGING:
            return None
        case Health.FAILING:
            return 500, f"failing, {elapsed:.1f}s after the start\n"
        case Health.NOT_READY:
            return 503, f"not ready, {elapsed:.1f}s after the start\n"
        case Health.OK:
            return 200, "ok\n"


@dataclass(frozen=True)
class HealthScript:
    """What happens when. Seconds since the start, None for never."""

    listen_after: float = 0.0
    ready_after: float = 0.0
    fail_after: float | None = None
    fail_for: float | None = None
    """How long it fails; None for ever."""
    hang_after: float | None = None
    flap: tuple[int, int] | None = None
    """(3, 10): of each ten answers the last three fail."""
    slow: float = 0.0
    """Delay of every answer."""

    def failing(self, elapsed: float) -> bool:
        if self.fail_after is None or elapsed < self.fail_after:
            return False
        return self.fail_for is None or elapsed < self.fail_after + self.fail_for

    def answer(self, elapsed: float, number: int, *, readiness: bool) -> Health:
        """How the question is answered that is the `number`-th of its kind, counted from 0.

        `readiness`: the question is whether it is ready, not whether it is alive.
        """
        if self.hang_after is not None and elapsed >= self.hang_after:
            return Health.HANGING
        if self.failing(elapsed) or self._flaps(number):
            return Health.FAILING
        if readiness and elapsed < self.ready_after:
            return Health.NOT_READY
        return Health.OK

    def changes(self) -> list[tuple[float, str]]:
        """What to tell when, in order of time."""
        told = []
        if self.ready_after:
            told.append((self.ready_after, "ready"))
        if self.fail_after is not None:
            told.append((self.fail_after, "failing"))
            if self.fail_for is not None:
                told.append((self.fail_after + self.fail_for, "well again"))
        if self.hang_after is not None:
            told.append((self.hang_after, "hanging: requests are taken and not answered"))
        return sorted(told)

    def _flaps(self, number: int) -> bool:
        if self.flap is None:
            return False
        failures, of = self.flap
        return number % of >= of - failures
