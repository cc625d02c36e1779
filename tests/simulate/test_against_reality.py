"""Simulated Pods do what real ones do: the same events in the same order, within 100 ms."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.simulate.reality import Scene, compare
from tests.simulate.scenes import SCENES

AT_ONCE = 3
"""Real Pods that run side by side, so that the whole takes less than a minute."""
AGAIN = 2

_GROUPS = [SCENES[begin : begin + AT_ONCE] for begin in range(0, len(SCENES), AT_ONCE)]


@pytest.mark.parametrize(
    "scenes", [pytest.param(group, id=" ".join(s.name for s in group)) for group in _GROUPS]
)
def test_it_happens_as_it_was_simulated(scenes: tuple[Scene, ...], tmp_path: Path) -> None:
    def compared(scene: Scene) -> list[str]:
        directory = tmp_path / scene.name
        directory.mkdir(exist_ok=True)
        return compare(scene, directory)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(scenes, pool.map(compared, scenes), strict=True))
    # Again and alone: a machine that is busy for a tenth of a second is no difference.
    for _ in range(AGAIN):
        found = {scene: compared(scene) for scene, different in found.items() if different}
    assert {scene.name: different for scene, different in found.items() if different} == {}
