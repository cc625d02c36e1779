"""Control groups and the memory watch with real processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minikubelet.runtime.shim import cgroup, memory_watch
from minikubelet.runtime.shim.cgroup import Cgroup, System
from minikubelet.runtime.shim.cgroup_files import KernelFiles, Places

MIB = 2**20
DEADLINE_SECONDS = 20.0

# Waits in its group for the word, so that all its memory is charged there.
HOG = """
import os, sys
sys.stdin.readline()
held = [bytearray(os.urandom(1) * 2**20) for _ in range(200)]
print("survived", flush=True)
sys.stdin.readline()
"""
# Children in other sessions, a stopped one, and one whose parent has gone.
TREE = """
trap '' TERM
setsid sh -c 'trap "" TERM; sleep 1000 & (sleep 1000 &) ; kill -STOP $$' &
sleep 1000 &
echo ready
wait
"""
# A parent with 64 MiB and three children that share them.
FAMILY = r"""
import os, sys
held = bytearray(b"x" * (64 * 2**20))
for _ in range(3):
    if os.fork() == 0:
        break
os.write(1, b"%d\n" % os.getpid())
sys.stdin.readline()
"""


def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not fact():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.002)


def a_group(memory: int | None, system: System | None = None) -> Cgroup:
    group = cgroup.create("test", memory, None, system)
    if group is None:
        pytest.skip("no control group can be made here")
    return group


@contextlib.contextmanager
def running(argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def removed_at_the_end(group: Cgroup) -> Iterator[Cgroup]:
    try:
        yield group
    finally:
        group.freeze_and_kill()
        assert group.remove()


def system_of(version: int) -> System:
    """This machine's tree as one that has only the one version."""
    system = cgroup.find_system()
    if system is None:
        pytest.skip("there are no control groups here")
    places = system.places
    unified, root, legacy = places.unified, places.unified_root, places.legacy
    if version == 2:
        return System(KernelFiles(), Places(unified, root))
    return System(KernelFiles(), Places(legacy=legacy))


# L-120
@pytest.mark.root
def test_memory_limit_is_enforced_and_proven() -> None:
    with (
        removed_at_the_end(a_group(100 * MIB)) as group,
        running([sys.executable, "-c", HOG]) as hog,
    ):
        group.add(hog.pid)
        assert group.pids() == [hog.pid]
        assert not group.oom_killed()
        out, _ = hog.communicate("go\n", timeout=DEADLINE_SECONDS)
        assert (out, hog.returncode) == ("", -9)
        until(group.oom_killed)


@pytest.mark.root
def test_memory_within_the_limit_is_left_alone() -> None:
    with (
        removed_at_the_end(a_group(1024 * MIB)) as group,
        running([sys.executable, "-c", HOG]) as hog,
    ):
        group.add(hog.pid)
        out, _ = hog.communicate("go\nend\n", timeout=DEADLINE_SECONDS)
        assert (out, hog.returncode, group.oom_killed()) == ("survived\n", 0, False)


@pytest.mark.root
@pytest.mark.parametrize("version", [1, 2])
def test_nobody_escapes_the_kill(version: int) -> None:
    with removed_at_the_end(a_group(None, system_of(version))) as group:
        argv = ["sh", "-c", f"read go; {TREE}"]
        with running(argv) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            group.add(process.pid)
            process.stdin.write("go\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ready\n"
            until(lambda: len(group.pids()) == 5)
            group.freeze_and_kill()
            process.wait(DEADLINE_SECONDS)
            until(lambda: not any(_is_alive(pid) for pid in group.pids()))


@pytest.mark.root
@pytest.mark.parametrize("version", [1, 2])
def test_group_is_removed_when_its_last_process_has_gone(version: int) -> None:
    group = a_group(None, system_of(version))
    with running(["sleep", "1000"]) as process:
        group.add(process.pid)
        for path in group.paths():
            with pytest.raises(OSError, match="busy"):
                os.rmdir(path)
        group.freeze_and_kill()
        process.wait(DEADLINE_SECONDS)
        assert group.remove()
    assert not any(os.path.exists(path) for path in group.paths())


@pytest.mark.root
def test_groups_within_the_group_are_removed_too() -> None:
    group = a_group(None)
    for path in group.paths():
        os.makedirs(os.path.join(path, "inner", "deeper"))
    assert group.remove()
    assert not any(os.path.exists(path) for path in group.paths())


@pytest.mark.root
def test_busy_group_stays() -> None:
    with (
        removed_at_the_end(a_group(None)) as group,
        running(["sleep", "1000"]) as process,
    ):
        group.add(process.pid)
        assert not group.remove(wait_seconds=0.02)


@pytest.mark.root
def test_sweep_leaves_a_group_in_preparation() -> None:
    with removed_at_the_end(a_group(None)) as group:
        cgroup.sweep()
        assert all(os.path.exists(path) for path in group.paths())


def test_estimate_counts_what_is_shared_again_and_the_exact_figure_does_not() -> None:
    with running([sys.executable, "-c", FAMILY]) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(4)]
        estimate, exact = memory_watch.tree_rss(pids), memory_watch.tree_pss(pids)
        assert 4 * 64 * MIB < estimate < 4 * 100 * MIB
        assert 64 * MIB < exact < 130 * MIB
        assert [memory_watch.exceeds(pids, limit * MIB) for limit in (60, 150, 500)] == [
            True,
            False,
            False,
        ]


def test_processes_that_have_gone_use_nothing() -> None:
    done = subprocess.Popen(["true"])
    done.wait()
    assert memory_watch.tree_rss([done.pid]) == memory_watch.tree_pss([done.pid]) == 0


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
