"""A writing process is killed at random instants: what it was told is durable is there, and no
version is given twice (K-29, design 3.1)."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from minikubelet.store.objects import Expired
from minikubelet.store.store import ObjectStore, sqlite_store
from tests.fakes.clock import FakeClock
from tests.store.builders import PODS, told
from tests.store.writer import LIMITS

_KILLS = 5


@dataclass
class Life:
    """What one process said."""

    given: dict[int, tuple[str, int]] = field(default_factory=dict)
    durable: int = 0


def _one_life(path: Path, seed: int) -> Life:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", str(path), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline()]
        # It writes now; any instant will do.
        time.sleep(random.Random(seed).uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    life = Life()
    for line in said:
        match line.split():
            case ["given", name, version, number]:
                assert int(version) not in life.given
                life.given[int(version)] = (name, int(number))
            case ["durable", version]:
                life.durable = max(life.durable, int(version))
    assert process.returncode == -signal.SIGKILL
    assert life.given
    return life


async def test_a_killed_writer_loses_nothing_that_was_durable(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    given: dict[int, tuple[str, int]] = {}
    lost: set[int] = set()
    for seed in range(_KILLS):
        life = _one_life(path, seed)
        assert min(life.given) > max(given, default=0), "a version was given twice"
        given |= life.given
        store = sqlite_store(path, FakeClock(), LIMITS)
        await store.open()
        assert store.recovered == ()
        assert store.resource_version > max(given)
        history = told(store.watch(PODS, since=1))
        kept = {version for _, _, version in history}
        # A prefix of what the life wrote is there, at least as long as it was told.
        end = max(kept)
        assert life.durable <= end
        lost |= {version for version in life.given if version > end}
        assert kept & set(given) == set(given) - lost
        _check_objects(store, history, given)
        for version in sorted(lost)[-20:]:
            with pytest.raises(Expired):
                store.watch(PODS, since=version)
        await store.close()


def _check_objects(
    store: ObjectStore, history: list[tuple[str, str, int]], given: dict[int, tuple[str, int]]
) -> None:
    """The objects are what the history made of them, and say what their writer said."""
    expected: dict[str, int] = {}
    for kind, name, version in history:
        if kind == "DELETED":
            del expected[name]
        else:
            expected[name] = version
    held = {s.key.name: s for s in store.list(PODS)}
    assert {name: stored.resource_version for name, stored in held.items()} == expected
    for name, stored in held.items():
        # The kill may have come between a write and its line.
        if said := given.get(stored.resource_version):
            assert said == (name, stored.document["number"])
