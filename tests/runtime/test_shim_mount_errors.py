"""What cannot be mounted, and what the user is told about it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from minikubelet.runtime.shim import mount_calls, mounts
from minikubelet.runtime.shim.mount_namespace import closed_message
from minikubelet.runtime.shim.mounts import MountError
from tests.runtime.namespaces import (
    NOBODY,
    a_mount,
    as_each_user,
    in_child,
    look_inside,
    needs_root,
)


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


def test_link_in_an_exact_source_is_refused(volume: Path, open_dir: Path) -> None:
    (open_dir / "swapped").symlink_to(volume)
    source = open_dir / "swapped" / "greeting"
    with pytest.raises(MountError) as raised:
        look_inside([a_mount(source, "/mk-new", exact_source=True)], lambda: None)
    assert str(raised.value) == (
        f"cannot mount {source} at /mk-new: Too many levels of symbolic links"
    )


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
    assert closed_message(error, str(tmp_path)) == (
        "cannot make a mount namespace for the container's volumes: Operation not permitted. "
        f"To allow it, {way}, or run minikubelet as root"
    )


def test_errors_of_the_kernel_are_raised(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mount_calls.unmount(str(tmp_path / "missing"), 0)
