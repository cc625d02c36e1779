"""Whatever the apps do, what happens lies within the bounds of the plan.

The production agent, workers and probe machines run random pods in virtual time.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.plan.course import play
from tests.plan.scenes import a_scene

SCENES = 2000
SHARES = 4
FIGURES = {
    "Startup first",
    "Readiness first",
    "Liveness first",
    "Startup every",
    "Readiness every",
    "Liveness every",
    "Startup passes",
    "Readiness passes",
    "Liveness passes",
    "Startup gives up",
    "Liveness gives up",
    "Readiness detects failure",
    "Readiness detects hang",
    "Liveness detects failure",
    "Liveness detects hang",
    "gone after kill",
    "ready again",
    "ready again after back-off",
    "starts",
    "ready",
    "pod ready",
    "stop: signal",
    "stop: kill",
    "stop: gone",
    "stop: pod gone",
}


@pytest.mark.parametrize("share", range(SHARES))
def test_every_time_lies_within_the_plan(share: int) -> None:
    """And each figure is seen several times."""
    seen: Counter[str] = Counter()
    outside = []
    for seed in range(share, SCENES, SHARES):
        for observation in play(a_scene(seed)).observations():
            seen[observation.figure] += 1
            if not observation.within:
                outside.append((seed, observation))
    assert outside == []
    assert set(seen) == FIGURES
    assert min(seen.values()) > 3
