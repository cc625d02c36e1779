"""Mount namespaces for real: what a container sees, and what the host must not see."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minikubelet.runtime.shim import mount_calls, mounts
from minikubelet.runtime.shim.mounts import MountError
from tests.runtime.namespaces import (
    NOBODY,
    a_mount,
    as_each_user,
    in_child,
    look_inside,
    needs_root,
    open_dir,
)

__all__ = ["open_dir"]


@pytest.fixture
def volume(open_dir: Path) -> Path:
    path = open_dir / "volume"
    path.mkdir()
    path.chmod(0o777)
    (path / "greeting").write_text("hello")
    return path


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
            mounts.remount_read_only("/mk-new")
            mounts.remount_read_only("/mk-new2/with blank")
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
@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        pytest.param(
            "missing",
            "/mk-new",
            "{0}/missing at /mk-new: No such file or directory",
            id="no source",
        ),
        pytest.param(
            "volume",
            "/etc/passwd",
            "{0}/volume at /etc/passwd: the source is a directory, the target is a file",
            id="a directory onto a file",
        ),
        pytest.param(
            "volume/greeting",
            "/opt",
            "{0}/volume/greeting at /opt: the source is a file, the target is a directory",
            id="a file onto a directory",
        ),
        pytest.param(
            "volume",
            "/",
            "{0}/volume at /: it would hide the whole file system",
            id="onto the root",
        ),
        pytest.param(
            "volume",
            "/etc/passwd/x",
            "{0}/volume at /etc/passwd/x: /etc/passwd is not a directory",
            id="below a file",
        ),
        pytest.param(
            "volume",
            "/proc/x/y",
            "{0}/volume at /proc/x/y: there is no such path, and nothing can be added to /proc",
            id="a new path in /proc",
        ),
    ],
)
def test_refused(
    volume: Path, open_dir: Path, user: int | None, source: str, target: str, message: str
) -> None:
    with pytest.raises(MountError) as raised:
        look_inside([a_mount(open_dir / source, target)], lambda: None, user)
    assert str(raised.value) == "cannot mount " + message.format(open_dir)


@as_each_user
def test_no_mount_point_in_a_read_only_volume(volume: Path, user: int | None) -> None:
    wanted = [a_mount(volume, "/mk-new", read_only=True), a_mount(volume, "/mk-new/sub")]
    with pytest.raises(MountError) as raised:
        look_inside(wanted, lambda: None, user)
    assert str(raised.value) == f"cannot mount {volume} at /mk-new/sub: Read-only file system"


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


def test_link_in_an_exact_source_is_refused(volume: Path, open_dir: Path) -> None:
    (open_dir / "swapped").symlink_to(volume)
    source = open_dir / "swapped" / "greeting"
    with pytest.raises(MountError) as raised:
        look_inside([a_mount(source, "/mk-new", exact_source=True)], lambda: None)
    assert str(raised.value) == (
        f"cannot mount {source} at /mk-new: Too many levels of symbolic links"
    )


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


@pytest.mark.root
@needs_root
def test_ordinary_user_cannot_mount_for_another(volume: Path) -> None:
    def work() -> None:
        mounts.enter([a_mount(volume, "/mk-new")], 1234)

    with pytest.raises(MountError) as raised:
        in_child(work, NOBODY)
    assert str(raised.value) == (
        "cannot mount volumes for user 1234: this process may only make a mount namespace for its "
        f"own user {NOBODY}; run minikubelet as root"
    )


@pytest.mark.parametrize(
    ("sysctls", "way"),
    [
        pytest.param(
            {"kernel/unprivileged_userns_clone": "0"},
            "set kernel.unprivileged_userns_clone=1 with sysctl",
            id="closed by Debian's sysctl",
        ),
        pytest.param(
            {"kernel/apparmor_restrict_unprivileged_userns": "1", "user/max_user_namespaces": "9"},
            "set kernel.apparmor_restrict_unprivileged_userns=0 with sysctl",
            id="closed by Ubuntu's AppArmor",
        ),
        pytest.param(
            {"user/max_user_namespaces": "0"},
            "set user.max_user_namespaces=10000 with sysctl",
            id="closed by the number of namespaces",
        ),
        pytest.param(
            {},
            "let it create user namespaces (in a container: relax its seccomp profile, or make it "
            "privileged)",
            id="closed by something else",
        ),
    ],
)
def test_closed_namespaces_are_explained(tmp_path: Path, sysctls: dict[str, str], way: str) -> None:
    for name, value in sysctls.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    error = PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    assert mounts.closed_message(error, str(tmp_path)) == (
        "cannot make a mount namespace for the container's volumes: Operation not permitted. "
        f"To allow it, {way}, or run minikubelet as root"
    )


def test_errors_of_the_kernel_are_raised(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mount_calls.unmount(str(tmp_path / "missing"), 0)
