"""The mount system calls that Python 3.11 does not wrap.

Role: ctypes bindings, bound at the first call, so that importing this works off Linux.
Invariants: every function raises OSError with the kernel's errno.
"""

from __future__ import annotations

import ctypes
import functools
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_RELATIME = 1 << 21
LOCKABLE = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME
"""These have the same numbers in statvfs's f_flag; relatime has not."""
ST_RELATIME = 4096
MNT_DETACH = 2

_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 1
_SYS_MOUNT_SETATTR = 442
"""The same on every architecture but alpha."""


class _MountAttr(ctypes.Structure):
    """`struct mount_attr` of linux/mount.h."""

    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    text, number = ctypes.c_char_p, ctypes.c_ulong
    libc.mount.argtypes = (text, text, text, number, text)
    libc.umount2.argtypes = (text, ctypes.c_int)
    libc.unshare.argtypes = (ctypes.c_int,)
    libc.setns.argtypes = (ctypes.c_int, ctypes.c_int)
    libc.pivot_root.argtypes = (text, text)
    libc.syscall.restype = ctypes.c_long
    return libc


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    _check(
        _libc().mount(
            None if source is None else os.fsencode(source),
            os.fsencode(target),
            None if kind is None else kind.encode(),
            flags,
            data.encode() or None,
        )
    )


def unmount(target: str, flags: int) -> None:
    _check(_libc().umount2(os.fsencode(target), flags))


def unshare(flags: int) -> None:
    _check(_libc().unshare(flags))


def setns(fd: int, kind: int) -> None:
    _check(_libc().setns(fd, kind))


def pivot_root(new_root: str, put_old: str) -> None:
    _check(_libc().pivot_root(os.fsencode(new_root), os.fsencode(put_old)))


def set_read_only(path: str) -> None:
    """Make the mount at `path` and all below it read-only. Raises ENOSYS before Linux 5.12."""
    attributes = _MountAttr(attr_set=_MOUNT_ATTR_RDONLY)
    _check(
        _libc().syscall(
            ctypes.c_long(_SYS_MOUNT_SETATTR),
            ctypes.c_int(_AT_FDCWD),
            ctypes.c_char_p(os.fsencode(path)),
            ctypes.c_uint(_AT_RECURSIVE),
            ctypes.byref(attributes),
            ctypes.c_size_t(ctypes.sizeof(attributes)),
        )
    )


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
