"""The suite proves that it leaves nothing behind: no process, no listening port, no file.

Each pytest process is a child subreaper, so whatever a test starts ends up below it, however often
it forks away; after each test nothing may be left there.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest

_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE_SECONDS = 10.0
_TASKS = Path("/proc/self/task")


def pytest_configure(config: pytest.Config) -> None:
    # Hundreds of processes are started; without byte code each would compile the package again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # No files of its own, and no failure because the machine is busy.
    hypothesis.settings.register_profile("suite", database=None, deadline=None)
    hypothesis.settings.load_profile("suite")
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = set(_descendants())
    sockets_before = _sockets()
    yield
    left = _wait_until_gone(before)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"processes left behind: {left}"
    ports = _listening_ports(_sockets() - sockets_before)
    assert not ports, f"listening ports left behind: {sorted(ports)}"


@pytest.fixture(scope="session", autouse=True)
def _no_files_are_left() -> Iterator[None]:
    """This process and its children put temporary files into a directory of their own, which is
    short enough for sockets; at the end only what pytest itself keeps may be there."""
    with tempfile.TemporaryDirectory(prefix="mk-", dir="/tmp") as own:
        os.chmod(own, 0o711)
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = tempfile.tempdir = own
        yield
        left = [path.name for path in Path(own).iterdir() if not path.name.startswith("pytest-")]
        tempfile.tempdir = None
        os.environ.pop("TMPDIR")
        if before is not None:
            os.environ["TMPDIR"] = before
        assert not left, f"files left behind: {left}"


def _descendants(spawners: Collection[int] = ()) -> dict[int, str]:
    """Pid and command line of every living process below this one, without the shim that each of
    these spawners has always ready."""
    found: dict[int, str] = {}
    if not _has_children():
        return found
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if child.status() == psutil.STATUS_ZOMBIE or _is_pytest_worker(child):
                continue
            if not any(_is_spare(process, spawners) for process in (child, child.parent())):
                found[child.pid] = " ".join(child.cmdline())
    return found


def _has_children() -> bool:
    """A cheap answer for most of the tests: psutil reads about every process of the machine."""
    try:
        return any((task / "children").read_bytes() for task in _TASKS.iterdir())
    except OSError:  # a kernel without these files, or a thread that has just ended
        return True


def _is_spare(process: psutil.Process | None, spawners: Collection[int]) -> bool:
    """Its child waits with it."""
    return process is not None and process.ppid() in spawners and process.name() == "shim-spare"


def _is_pytest_worker(process: psutil.Process) -> bool:
    """Processes of pytest-xdist, and the helper of Python's own multiprocessing."""
    words = " ".join(process.cmdline())
    return "execnet" in words or "resource_tracker" in words


def _wait_until_gone(before: set[int]) -> dict[int, str]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        left = {pid: words for pid, words in _descendants(before).items() if pid not in before}
        _reap(before)
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.005)


def _reap(before: set[int]) -> None:
    """Zombies that were reparented to this process by its being a subreaper."""
    if not _has_children():
        return
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, ChildProcessError):
            if child.pid not in before and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def _sockets() -> set[int]:
    """Inodes of those that this process has."""
    found = set()
    for descriptor in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # that of the listing itself
            status = os.fstat(int(descriptor))
            if stat.S_ISSOCK(status.st_mode):
                found.add(status.st_ino)
    return found


def _listening_ports(sockets: set[int]) -> set[int]:
    """Those at which one of these sockets of this process listens."""
    if not sockets:
        return set()
    return {
        connection.laddr.port
        for connection in psutil.Process().net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and os.fstat(connection.fd).st_ino in sockets
    }
