"""What is left of containers and pods is removed; what lives is not."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from minikubelet.clock import SystemClock
from minikubelet.node.garbage import kill_orphans, remove_pod, sweep
from minikubelet.node.pod_keeper import DiskKeeper
from minikubelet.node.pod_record import PodRecord
from minikubelet.node.recovery import recover_pods
from minikubelet.pod.observed import ContainerRun, RunState
from minikubelet.runtime.layout import Layout
from tests.builders import a_launch_spec
from tests.fakes.daemon import a_daemon
from tests.runtime.harness import Harness, a_harness, eventually

DEAD, KEPT, ALIVE = (f"process://{digit * 64}" for digit in "abc")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "s", tmp_path / "l", tmp_path / "r")
    layout.prepare()
    return layout


def an_instance(layout: Layout, uid: str, container_id: str, number: int) -> Path:
    """A dead one, with its log; it lies there for a while."""
    path = layout.instance_dir(uid, "app", container_id)
    path.mkdir(parents=True)
    log = layout.log_path("default", uid, uid, "app", number)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("line\n")
    (path / "launch.json").write_text(f'{{"format":1,"log_path":"{log}"}}')
    (path / "exit.json").write_text("{}")
    return path


def age(*paths: Path) -> None:
    for path in paths:
        for each in (path, *path.rglob("*")):
            os.utime(each, (1e9, 1e9))


async def start(harness: Harness, layout: Layout, uid: str, container_id: str) -> Path:
    path = layout.instance_dir(uid, "app", container_id)
    path.mkdir(parents=True)
    place = layout.state_dir.parent / "spec"
    argv = ("sleep", "1000")
    spec = a_launch_spec(place, argv, container_id=container_id, instance_dir=str(path))
    harness.note(await harness.runtime.start(spec))
    return path


async def test_of_a_known_pod_only_unnamed_dead_instances_go(  # L-265, L-267
    layout: Layout, tmp_path: Path
) -> None:
    dead, kept = an_instance(layout, "u1", DEAD, 0), an_instance(layout, "u1", KEPT, 1)
    age(layout.state_dir, layout.log_dir)
    async with a_harness(tmp_path) as harness:
        await sweep(layout, harness.runtime, SystemClock(), {"u1": {KEPT}})
    assert (dead.exists(), kept.exists()) == (False, True)
    assert [path.name for path in layout.log_dir.rglob("*.log")] == ["1.log"]


async def test_what_is_new_is_left_alone(layout: Layout, tmp_path: Path) -> None:
    dead = an_instance(layout, "u1", DEAD, 0)
    async with a_harness(tmp_path) as harness:
        await sweep(layout, harness.runtime, SystemClock(), {"u1": set()})
    assert dead.exists()


@pytest.mark.parametrize("uid", ["u1", "static.uid-1"])
async def test_pods_that_are_gone_go_with_their_logs(
    uid: str, layout: Layout, tmp_path: Path
) -> None:
    an_instance(layout, uid, DEAD, 0)  # L-268, L-269
    foreign = layout.log_dir / "notes"
    foreign.mkdir()
    age(layout.state_dir, layout.log_dir)
    async with a_harness(tmp_path) as harness:
        await sweep(layout, harness.runtime, SystemClock(), {})
    assert not layout.pod_dir(uid).exists()
    assert list(layout.log_dir.iterdir()) == [foreign]


async def test_what_runs_without_a_pod_is_killed_and_then_removed(  # L-246
    layout: Layout, tmp_path: Path
) -> None:
    async with a_harness(tmp_path, leave=True) as first:
        path = await start(first, layout, "u1", ALIVE)
    age(layout.state_dir)
    async with a_harness(tmp_path) as second:
        second.shims += first.shims
        await sweep(layout, second.runtime, SystemClock(), {})
        assert path.exists()
        await eventually(lambda: not second.living_shims(), "it was killed")
        age(layout.state_dir)
        await sweep(layout, second.runtime, SystemClock(), {})
        assert not layout.pod_dir("u1").exists()


async def test_recovery_finds_what_no_record_names(layout: Layout, tmp_path: Path) -> None:
    run = ContainerRun(DEAD, "app", 0, RunState.EXITED, datetime.now(UTC))
    DiskKeeper(layout).save(PodRecord(uid="u1", runs=(run,)))
    async with a_harness(tmp_path, leave=True) as first:
        path = await start(first, layout, "u1", ALIVE)
    async with a_harness(tmp_path) as second:
        second.shims += first.shims
        recovered = await recover_pods(layout, second.runtime)
        assert [pod.uid for pod in recovered.pods] == ["u1"]
        assert [orphan.instance_dir for orphan in recovered.orphans] == [path]
        kill_orphans(second.runtime, recovered.orphans)
        await eventually(lambda: (path / "exit.json").exists(), "it was killed")


async def test_a_pod_is_removed_with_all_that_it_had(layout: Layout) -> None:
    an_instance(layout, "u1", DEAD, 0)
    DiskKeeper(layout).save_pod("u1", {}, "api")
    await remove_pod(layout, "u1", "default", "u1")
    assert list((layout.state_dir / "pods").iterdir()) == []
    assert list(layout.log_dir.iterdir()) == []


async def test_mount_points_of_killed_shims_are_removed_in_time(
    layout: Layout, tmp_path: Path
) -> None:
    made = tmp_path / "host" / "data"
    made.mkdir(parents=True)
    layout.mount_points.mkdir()
    (layout.mount_points / str(made).replace("/", "%2f")).touch()
    async with a_daemon(layout=layout) as daemon, asyncio.TaskGroup() as group:
        task = group.create_task(daemon.parts.housekeeping.run())
        await daemon.clock.advance(59)
        assert made.exists()
        await daemon.clock.advance(2)
        await eventually(lambda: not made.exists(), "it was swept")
        task.cancel()
