"""A mount table of one's own: as root by right, else within a user namespace.

Role: called in a forked, single-threaded process, before its user is switched.
Invariants: nothing that is mounted afterwards propagates to the host. A user namespace maps only
the user's own ids to themselves, so the process sees its usual uid, and exec ends its rights.
"""

from __future__ import annotations

import os
import sys

from minikubelet.runtime.shim import mount_calls as calls


class MountError(Exception):
    """A container's view cannot be made; the text names source, target and reason."""


def new_namespace(uid: int | None) -> None:
    """A private copy of the mount table; in a user namespace of our own if we may not make one."""
    if sys.platform != "linux":
        raise MountError("volumes cannot be mounted here: that takes the namespaces of Linux")
    try:
        try:
            calls.unshare(calls.CLONE_NEWNS)
        except PermissionError:
            own = os.geteuid()
            if uid is not None and uid != own:
                raise MountError(
                    f"cannot mount volumes for user {uid}: this process may only make a mount "
                    f"namespace for its own user {own}; run minikubelet as root"
                ) from None
            _new_user_namespace()
        calls.mount(None, "/", None, calls.MS_REC | calls.MS_PRIVATE)
    except OSError as error:
        raise MountError(closed_message(error)) from error


def _new_user_namespace() -> None:
    """Map the user's own ids to themselves: it sees its usual uid, and exec ends its rights."""
    uid, gid = os.geteuid(), os.getegid()
    calls.unshare(calls.CLONE_NEWUSER | calls.CLONE_NEWNS)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def closed_message(error: OSError, sysctls: str = "/proc/sys") -> str:
    """Why no namespace could be made, and what the user can do about it."""
    ways = [
        f"set {name.replace('/', '.')}={wanted}"
        for name, closed, wanted in (
            ("kernel/unprivileged_userns_clone", "0", "1"),
            ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
            ("user/max_user_namespaces", "0", "10000"),
        )
        if _read(f"{sysctls}/{name}") == closed
    ]
    ways = [f"{way} with sysctl" for way in ways] or [
        "let it create user namespaces (in a container: relax its seccomp profile, or make it "
        "privileged)"
    ]
    return (
        f"cannot make a mount namespace for the container's volumes: {error.strerror}. "
        f"To allow it, {' and '.join(ways)}, or run minikubelet as root"
    )


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""
