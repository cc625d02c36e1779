"""Mount points that the host lacks: made for the container, and gone with the last one."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from minikubelet.runtime.launch import Mount
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.records import read_start_record
from minikubelet.runtime.shim.mount_points import REGISTER, MountPoints, sweep
from tests.runtime.harness import Harness, a_harness, eventually, is_alive

pytestmark = pytest.mark.root


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with a_harness(tmp_path) as harness:
        yield harness


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A directory of the host, beside which a volume is to appear."""
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "in").write_text("volume")
    (tmp_path / "host").mkdir()
    return tmp_path / "host"


def at(target: Path, source: str = "volume") -> tuple[Mount, ...]:
    top = next(p for p in (target, *target.parents) if p.name == "host")
    return (Mount(str(top.parent / source), str(target)),)


async def test_what_is_written_beside_a_volume_is_there_for_the_host_and_back(
    harness: Harness, host: Path
) -> None:
    script = (
        f"cat {host}/deep/er/in > {host}/seen; echo up;"
        f" until [ -e {host}/go ]; do sleep 0.01; done; echo went"
    )
    spec = await harness.start(["sh", "-c", script], mounts=at(host / "deep" / "er"))
    await harness.logged(spec, "up")
    assert (host / "seen").read_text() == "volume"
    assert os.listdir(host / "deep" / "er") == []
    (host / "go").touch()
    await harness.logged(spec, "went")
    await eventually(lambda: not harness.runtime.containers, "it has ended")
    assert sorted(os.listdir(host)) == ["go", "seen"]


async def test_a_file_is_made_for_a_file(harness: Harness, host: Path) -> None:
    script = f"cat {host}/file; echo; sleep 1000"
    spec = await harness.start(["sh", "-c", script], mounts=at(host / "file", "volume/in"))
    await harness.logged(spec, "volume")
    assert (host / "file").read_text() == ""
    harness.runtime.stop(spec.container_id, 0.1)
    await eventually(lambda: not harness.runtime.containers, "it has ended")
    assert os.listdir(host) == []


async def test_the_last_container_that_mounts_there_takes_it_away(
    harness: Harness, host: Path
) -> None:
    sleeping = ["sh", "-c", f"cat {host}/new/in; echo; exec sleep 1000"]
    first, second = [
        # Sockets of a node lie in one directory, and the register beside them.
        await harness.start(sleeping, mounts=at(host / "new"), socket_path=f"{host.parent}/{name}")
        for name in ("a", "b")
    ]
    await harness.logged(second, "volume")
    harness.runtime.stop(first.container_id, 0.1)
    await eventually(lambda: len(harness.runtime.containers) == 1, "the first has ended")
    read = await harness.runtime.exec(second.container_id, ["cat", f"{host}/new/in"], timeout=10)
    assert read.stdout == b"volume"
    harness.runtime.stop(second.container_id, 0.1)
    await eventually(lambda: not harness.runtime.containers, "both have ended")
    assert os.listdir(host) == []


async def test_what_somebody_has_put_there_meanwhile_stays(harness: Harness, host: Path) -> None:
    spec = await harness.start(["sleep", "1000"], mounts=at(host / "new"))
    (host / "new" / "theirs").write_text("kept")
    harness.runtime.stop(spec.container_id, 0.1)
    await eventually(lambda: not harness.runtime.containers, "it has ended")
    assert (host / "new" / "theirs").read_text() == "kept"


async def test_what_a_killed_shim_has_left_is_swept_when_nobody_uses_it(
    harness: Harness, host: Path
) -> None:
    sleeping = ["sh", "-c", "cat $AT/in; echo; exec sleep 1000"]
    killed, other = [
        await harness.start(
            sleeping,
            env={"AT": str(host / name / "at")},
            mounts=at(host / name / "at"),
            socket_path=f"{host.parent}/{name}",
        )
        for name in ("killed", "other")
    ]
    for spec in (killed, other):
        await harness.logged(spec, "volume")
    record = read_start_record(Path(killed.instance_dir))
    assert record is not None
    os.kill(record.shim_pid, signal.SIGKILL)
    await eventually(lambda: not is_alive(record.pid, record.start_time), "its process is gone")
    register = str(host.parent / REGISTER)
    (host / "killed" / "theirs").touch()
    sweep(register)
    assert sorted(os.listdir(host)) == ["killed", "other"]
    assert os.listdir(host / "killed") == ["theirs"]  # not ours any more, nor what holds it
    sweep(register)
    read = await harness.runtime.exec(other.container_id, ["cat", f"{host}/other/at/in"], timeout=9)
    assert read.stdout == b"volume"
    harness.runtime.stop(other.container_id, 0.1)
    await eventually(lambda: not harness.runtime.containers, "both have ended")
    assert os.listdir(register) == []


def test_a_sweep_where_nothing_was_made(tmp_path: Path) -> None:
    sweep(str(tmp_path / "register"))
    assert list(tmp_path.iterdir()) == []


def test_the_register_lies_where_the_node_looks(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path, tmp_path)
    assert layout.mount_points == layout.socket_path("process://" + "a" * 64).parent / REGISTER


async def test_a_start_that_fails_leaves_nothing(harness: Harness, host: Path) -> None:
    with pytest.raises(Exception, match="executable file not found"):
        await harness.start(["nosuch-program"], mounts=at(host / "new"))
    assert os.listdir(host) == []


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/mk-new/er", id="below the root"),
        pytest.param("/etc/mk-new", id="in a directory of the system"),
        pytest.param("/usr/../etc/mk-new", id="also by another way"),
    ],
)
def test_the_system_is_left_alone(target: str, tmp_path: Path) -> None:
    points = MountPoints([{"target": target, "source": "/tmp"}], str(tmp_path / "register"))
    points.make()
    assert not os.path.lexists(target)
    assert not (tmp_path / "register").exists()


def test_a_mount_within_another_one_makes_nothing(host: Path, tmp_path: Path) -> None:
    mounts = [
        {"target": str(host / "outer"), "source": "/tmp"},
        {"target": str(host / "outer" / "inner"), "source": "/tmp"},
    ]
    points = MountPoints(mounts, str(tmp_path / "register"))
    points.make()
    assert os.listdir(host / "outer") == []
    points.remove()
    assert os.listdir(host) == []
