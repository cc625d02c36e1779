"""A process that writes to a state as fast as it can and says what it was told, to be killed:
`python -m tests.store.writer PATH SEED`.

Lines: `given NAME VERSION NUMBER` for each write when it was made, `durable VERSION` when it was
on disk. NUMBER is what the object says then, -1 that it is gone.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

from minikubelet.clock import SystemClock
from minikubelet.store.history import HistoryLimits
from minikubelet.store.store import ObjectStore, sqlite_store
from tests.store.builders import a_key, create, replace

LIMITS = HistoryLimits(max_changes=1_000_000)
"""All that was ever written can be watched."""


async def main(path: Path, seed: int) -> None:
    store = sqlite_store(path, SystemClock(), LIMITS)
    await store.open()
    async with asyncio.TaskGroup() as group:
        for worker in range(4):
            group.create_task(_write(store, worker, random.Random(seed * 10 + worker)))


async def _write(store: ObjectStore, worker: int, random: random.Random) -> None:
    number = random.randrange(1 << 30)
    while True:
        number += 1
        name = f"p{worker}-{random.randrange(5)}"
        version, shown = _one_write(store, name, number, random.random())
        _say(f"given {name} {version} {shown}")
        if random.random() < 0.7:
            await store.durable(version)
            _say(f"durable {version}")
        else:
            await asyncio.sleep(0)


def _one_write(store: ObjectStore, name: str, number: int, dice: float) -> tuple[int, int]:
    key = a_key(name)
    if store.get(key) is None:
        return create(store, key, number=number, pad="x" * int(dice * 1000)), number
    if dice < 0.1:
        return store.remove(key).resource_version, -1
    return replace(store, key, lazily=dice < 0.4, number=number, pad="x" * int(dice * 1000)), number


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
