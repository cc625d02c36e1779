"""Simulated Pods do what real ones do: the same events in the same order, within 100 ms."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.simulate.reality import Scene, differences, measure_start, run_real, run_simulated
from tests.simulate.scenes import SCENES

AT_ONCE = 3
"""Real Pods that run side by side, so that the whole takes less than a minute."""
AGAIN = 2

_GROUPS = [SCENES[begin : begin + AT_ONCE] for begin in range(0, len(SCENES), AT_ONCE)]


@pytest.fixture(scope="module")
def start_seconds(tmp_path_factory: pytest.TempPathFactory) -> float:
    return measure_start(tmp_path_factory.mktemp("start"))


@pytest.mark.parametrize(
    "scenes", [pytest.param(group, id=" ".join(s.name for s in group)) for group in _GROUPS]
)
def test_it_happens_as_it_was_simulated(
    scenes: tuple[Scene, ...], start_seconds: float, tmp_path: Path
) -> None:
    def compare(scene: Scene) -> list[str]:
        directory = tmp_path / scene.name
        directory.mkdir(exist_ok=True)
        real = run_real(scene, directory)
        return differences(real, run_simulated(scene, directory, start_seconds))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(scenes, pool.map(compare, scenes), strict=True))
    # Again and alone: a machine that is busy for a tenth of a second is no difference.
    for _ in range(AGAIN):
        found = {scene: compare(scene) for scene, different in found.items() if different}
    assert {scene.name: different for scene, different in found.items() if different} == {}
