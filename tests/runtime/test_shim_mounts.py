"""Mount namespaces for real: what a container sees, and what the host must not see."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minikubelet.runtime.shim import mounts
from minikubelet.runtime.shim.mount_tree import remount_read_only
from minikubelet.runtime.shim.mounts import MountError
from tests.runtime.namespaces import (
    a_mount,
    as_each_user,
    in_child,
    look_inside,
)


@pytest.fixture(autouse=True)
def _nothing_on_the_host() -> Iterator[None]:
    yield
    table = Path("/proc/self/mountinfo").read_text()
    assert "mk-new" not in table
    assert "mount-test-" not in table
    tops = ("/", "/dev", "/usr/share", "/etc", "/opt")
    assert [name for top in tops for name in os.listdir(top) if "mk-new" in name] == []


@as_each_user
@pytest.mark.parametrize(
    ("target", "beside", "added"),
    [
        pytest.param("/mk-new", "/", {"mk-new"}, id="a new directory below the root"),
        pytest.param("/mk-new/deep/er", "/", {"mk-new"}, id="a new path below the root"),
        pytest.param("/opt", "/", set(), id="a directory of the host"),
        pytest.param(
            "/usr/share/mk-new/er", "/usr/share", {"mk-new"}, id="a new path in the host's"
        ),
        pytest.param("/dev/mk-new", "/dev", {"mk-new"}, id="a new directory among the devices"),
        pytest.param("//usr/../mk-new//x/", "/", {"mk-new"}, id="a path not in its shortest form"),
    ],
)
def test_volume_is_at_its_path(
    volume: Path, target: str, beside: str, added: set[str], user: int | None
) -> None:
    def look() -> dict[str, Any]:
        Path(target, "answer").write_text("from inside")
        return {
            "entries": sorted(os.listdir(target)),
            "cwd": os.getcwd(),
            "beside": sorted(os.listdir(beside)),
            "uid": os.getuid(),
        }

    assert look_inside([a_mount(volume, target)], look, user) == {
        "entries": ["answer", "greeting"],
        "cwd": "/",
        "beside": sorted({*os.listdir(beside), *added}),
        "uid": os.getuid() if user is None else user,
    }
    assert (volume / "answer").read_text() == "from inside"


@as_each_user
def test_path_through_a_link_of_the_host(volume: Path, open_dir: Path, user: int | None) -> None:
    (open_dir / "real").mkdir()
    (open_dir / "link").symlink_to("real")
    seen = look_inside(
        [a_mount(volume, open_dir / "link" / "new")],
        lambda: sorted(os.listdir(open_dir / "real" / "new")),
        user,
    )
    assert seen == ["greeting"]
    assert os.listdir(open_dir / "real") == []


@as_each_user
@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/etc/passwd", id="over a file of the host"),
        pytest.param("/etc/mk-new.conf", id="a new file beside the host's"),
        pytest.param("/mk-new/conf", id="a new file in a new directory"),
        pytest.param("/dev/termination-log", id="a new file among the devices"),
    ],
)
def test_file_is_at_its_path(volume: Path, target: str, user: int | None) -> None:
    look = Path(target).read_text
    assert look_inside([a_mount(volume / "greeting", target)], look, user) == "hello"


@as_each_user
def test_rebuilt_directory_shows_the_same_entries(open_dir: Path, user: int | None) -> None:
    host = open_dir / "host"
    (host / "sub").mkdir(parents=True)
    (host / "sub" / "deep").write_text("deep")
    (host / "file").write_text("as it was")
    (host / "file").chmod(0o666)
    (host / "link").symlink_to("file")
    host.chmod(0o1777)
    volume = open_dir / "volume"
    volume.mkdir()

    def look() -> dict[str, Any]:
        (host / "file").write_text("written inside")
        (host / "private").write_text("")
        return {
            "entries": sorted(os.listdir(host)),
            "link": os.readlink(host / "link"),
            "deep": (host / "sub" / "deep").read_text(),
            "mode": host.stat().st_mode & 0o7777,
        }

    assert look_inside([a_mount(volume, host / "new")], look, user) == {
        "entries": ["file", "link", "new", "private", "sub"],
        "link": "file",
        "deep": "deep",
        "mode": 0o1777,
    }
    assert (host / "file").read_text() == "written inside"
    assert sorted(os.listdir(host)) == ["file", "link", "sub"]


@as_each_user
@pytest.mark.parametrize(
    "one_by_one",
    [
        pytest.param(False, id="by mount_setattr"),
        pytest.param(True, id="by remounts, as before Linux 5.12"),
    ],
)
def test_read_only(volume: Path, open_dir: Path, user: int | None, one_by_one: bool) -> None:
    inner = open_dir / "with blank"
    inner.mkdir()
    inner.chmod(0o777)
    wanted = [a_mount(volume, "/mk-new", read_only=not one_by_one)]
    wanted.append(a_mount(inner, "/mk-new2/with blank", read_only=not one_by_one))

    def look() -> list[str]:
        if one_by_one:
            remount_read_only("/mk-new")
            remount_read_only("/mk-new2/with blank")
        refused = []
        for path in ("/mk-new/x", "/mk-new/greeting", "/mk-new2/with blank/x"):
            try:
                Path(path).write_text("x")
            except OSError as error:
                refused.append(errno.errorcode[error.errno or 0])
        return [*refused, Path("/mk-new/greeting").read_text()]

    assert look_inside(wanted, look, user) == ["EROFS", "EROFS", "EROFS", "hello"]


@as_each_user
def test_read_only_holds_for_what_is_mounted_below(open_dir: Path, user: int | None) -> None:
    for name in ("outer", "outer/below", "inner"):
        (open_dir / name).mkdir()
        (open_dir / name).chmod(0o777)

    def work() -> str:
        # A source that has a mount in it already, as /sys and /run of the host do.
        mounts.enter([a_mount(open_dir / "inner", open_dir / "outer" / "below")], None)
        mounts.enter([a_mount(open_dir / "outer", "/mk-new", read_only=True)], None)
        try:
            Path("/mk-new/below/x").write_text("")
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        return "written"

    assert in_child(work, user) == "EROFS"


@as_each_user
def test_mounts_within_mounts(volume: Path, open_dir: Path, user: int | None) -> None:
    inner = open_dir / "inner"
    inner.mkdir()
    (inner / "file").write_text("inner")
    wanted = [
        a_mount(inner, "/mk-new/a/b"),
        a_mount(inner / "file", "/mk-new/single"),
        a_mount(volume, "/mk-new"),
    ]

    def look() -> list[list[str]]:
        return [sorted(os.listdir("/mk-new")), sorted(os.listdir("/mk-new/a/b"))]

    assert look_inside(wanted, look, user) == [["a", "greeting", "single"], ["file"]]
    # As with every container runtime, the mount points are made in the outer volume.
    assert sorted(os.listdir(volume)) == ["a", "greeting", "single"]


@as_each_user
def test_source_may_be_covered_by_another_mount(volume: Path, user: int | None) -> None:
    wanted = [a_mount(volume.parent, "/mk-new/x"), a_mount(volume, volume.parent)]
    look = (volume.parent / "greeting").read_text
    assert look_inside(wanted, look, user) == "hello"


@as_each_user
def test_made_directories_can_be_passed_whatever_the_umask_is(
    volume: Path, user: int | None
) -> None:
    def work() -> list[int]:
        os.umask(0o077)
        mounts.enter([a_mount(volume, "/mk-new/a/b")], None)
        modes = [os.stat(path).st_mode & 0o777 for path in ("/", "/mk-new", "/mk-new/a")]
        return [*modes, os.umask(0)]

    assert in_child(work, user) == [0o755, 0o755, 0o755, 0o077]


@as_each_user
def test_programs_run_as_before(volume: Path, user: int | None) -> None:
    script = """
        echo gone > /dev/null
        test -r /proc/self/status && test -d /sys/class && test -c /dev/tty
        test "$(head -c 3 /dev/zero | wc -c)" = 3
        sleep 0 & wait $!
        id -u; grep CapEff /proc/self/status; cat /mk-new/greeting
    """

    def look() -> str:
        done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    wanted = [a_mount(volume, "/mk-new"), a_mount(volume / "greeting", "/dev/mk-new")]
    uid, caps, text = look_inside(wanted, look, user).split("\n")
    assert (uid, text) == (str(os.getuid() if user is None else user), "hello")
    if uid != "0":
        assert int(caps.split()[1], 16) == 0


@as_each_user
def test_link_in_a_volume_makes_nothing_on_the_host(
    volume: Path, open_dir: Path, user: int | None
) -> None:
    host = open_dir / "host"
    host.mkdir()
    host.chmod(0o777)
    (volume / "out").symlink_to(host)
    wanted = [a_mount(volume, "/mk-new"), a_mount(volume, "/mk-new/out/made")]
    look_inside(wanted, lambda: None, user)
    assert os.listdir(host) == []


@as_each_user
@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/mk-new", id="with a root of its own"),
        pytest.param("/opt", id="with the host's root"),
    ],
)
def test_join(volume: Path, target: str, user: int | None) -> None:
    def work() -> list[str]:
        entered, started = os.pipe()
        wait, done = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(done)
            try:
                mounts.enter([a_mount(volume, target)], None)
                os.write(started, b"!")
                os.read(wait, 1)
            finally:
                os._exit(0)
        os.close(started)
        if os.read(entered, 1) != b"!":
            raise MountError("cannot make a mount namespace")
        mounts.join(pid)
        seen = [*os.listdir(target), os.getcwd(), str(os.getuid())]
        os.close(done)
        os.waitpid(pid, 0)
        return seen

    uid = os.getuid() if user is None else user
    assert in_child(work, user) == ["greeting", "/", str(uid)]


def test_join_of_the_same_namespace_changes_nothing(open_dir: Path) -> None:
    def work() -> str:
        os.chdir(open_dir)
        mounts.join(os.getpid())
        return os.getcwd()

    assert in_child(work) == str(open_dir)
