"""What a scripted container does: values. Pure.

Role: `App` is the script of one instance, `Script` those of a container's instances, one after the
other. What an instance answers when is decided by the `HealthScript` of the mock server, so that a
simulation and `minikubelet mock` agree.
"""

from __future__ import annotations

from dataclasses import field

from minikubelet.mock.health import HealthScript
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class App:
    """One instance. Seconds since its start, or since what they follow."""

    health: HealthScript = field(default_factory=HealthScript)
    slowest: float | None = None
    """Answers take a random time between `health.slow` and this."""
    failing_share: float = 0.0
    """The share of answers that fail, picked at random: 0.05 is one of twenty."""
    exit_after: float | None = None
    exit_code: int = 0
    oom: bool = False
    """It does not exit by itself: the kernel kills it for its memory."""
    term_seconds: float | None = 0.0
    """From TERM to the exit; None ignores TERM."""
    term_code: int = 143
    hook_seconds: float | None = None
    """What a command or a request of a hook takes; None: `sleep` commands what they say, all else
    no time."""
    start_error: ContainerStartError | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """The instances of a container: one `App` per start, the last one for all further starts."""

    apps: tuple[App, ...] = (App(),)

    def app(self, start: int) -> App:
        """That of the start with this number, counted from 0."""
        return self.apps[min(start, len(self.apps) - 1)]


RUNS_FOR_EVER = Script()
COMPLETES_AT_ONCE = Script((App(exit_after=0.0),))
