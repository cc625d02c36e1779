"""System calls and facts that the `os` module lacks.

Role: prctl through ctypes, and who a process is (`/proc/<pid>/stat`). Nothing here is bound at
import: where a call does not exist (macOS), it answers "no" and the caller goes on without it.
Invariants: a process is its pid and its start time; start times compare only within one boot.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_libc: ctypes.CDLL | None = None
_boot_id: str | None = None


def load() -> None:
    """Learn now what does not change, so that processes forked later share it."""
    global _libc
    boot_id()
    if _libc is None and sys.platform == "linux":
        _libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, argument: int) -> bool:
    if _libc is None:
        load()
    return bool(_libc and _libc.prctl(option, argument, 0, 0, 0) == 0)


def become_subreaper() -> bool:
    """Have orphaned descendants become children of this process."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """SIGKILL this process when its parent ends. A change of user id clears this: call it after."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def forbid_new_privileges() -> bool:
    """For this process and all that it starts, for good."""
    return _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def set_process_name(name: str) -> None:
    """What `ps` and `top` show as the command; at most 15 bytes of it."""
    try:
        fd = os.open("/proc/self/comm", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, name.encode()[:15])
    finally:
        os.close(fd)


def read_small(path: str) -> bytes:
    """Up to 4096 bytes of a file of the kernel's; empty when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 4096)
    except OSError:
        return b""
    finally:
        os.close(fd)


def read_whole(path: str) -> bytes:
    """All of a file of the kernel's, at half the cost of `open`; empty when it cannot be read."""
    data = b""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while part := os.read(fd, 65536):
                data += part
        finally:
            os.close(fd)
    except OSError:
        return b""
    return data


class Process:
    """One line of /proc/<pid>/stat, as far as it is needed here."""

    __slots__ = ("comm", "pgid", "pid", "ppid", "sid", "start_time", "state")

    def __init__(
        self, pid: int, comm: str, state: str, ppid: int, pgid: int, sid: int, start_time: int
    ) -> None:
        self.pid = pid
        self.comm = comm
        self.state = state
        self.ppid = ppid
        self.pgid = pgid
        self.sid = sid
        self.start_time = start_time
        """Clock ticks since boot."""


def read_process(pid: int) -> Process | None:
    """The process with this pid now; None when there is none (or no /proc)."""
    data = read_small(f"/proc/{pid}/stat")
    # The command may hold blanks and parentheses itself.
    opened, closed = data.find(b"("), data.rfind(b")")
    if closed < 0:
        return None
    rest = data[closed + 2 :].split(None, 20)
    return Process(
        pid=pid,
        comm=data[opened + 1 : closed].decode("utf-8", "replace"),
        state=rest[0].decode(),
        ppid=int(rest[1]),
        pgid=int(rest[2]),
        sid=int(rest[3]),
        start_time=int(rest[19]),
    )


def start_time(pid: int) -> int:
    """Start of a process in clock ticks since boot; 0 when it cannot be known."""
    process = read_process(pid)
    return process.start_time if process else 0


def boot_id() -> str:
    """Differs after each boot; empty where the system does not tell."""
    global _boot_id
    if _boot_id is None:
        _boot_id = read_small("/proc/sys/kernel/random/boot_id").decode().strip()
    return _boot_id


def send_signal(process: Process, number: int) -> bool:
    """Signal exactly this process: nobody else who may have got its pid since. False: it is gone,
    or is not ours."""
    if not hasattr(os, "pidfd_open"):
        return _send_signal_by_pid(process, number)
    try:
        pidfd = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        now = read_process(process.pid)
        if now is None or now.start_time != process.start_time:
            return False
        signal.pidfd_send_signal(pidfd, number)
    except OSError:
        return False
    finally:
        os.close(pidfd)
    return True


def _send_signal_by_pid(process: Process, number: int) -> bool:
    try:
        os.kill(process.pid, number)
    except OSError:
        return False
    return True


def exit_code_of(status: int) -> int:
    """A wait status as Kubernetes shows it: death by signal n is 128 + n (L-119)."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
