"""What this host is and how it feels: the facts behind the Node object.

Role: reads /proc, /etc and the file system; a host that lacks one of them gives an empty fact.
"""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

from minikubelet.value_class import dataclass

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_LEAST_MEMORY = 100 * 1024 * 1024
_LEAST_DISK_SHARE = 0.10
_LEAST_INODE_SHARE = 0.05
"""As a kubelet's default eviction thresholds: memory.available, nodefs.available,
nodefs.inodesFree."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What does not change while the daemon runs."""

    hostname: str
    operating_system: str
    architecture: str
    kernel_version: str
    os_image: str
    machine_id: str
    system_uuid: str
    boot_id: str
    cpu_count: int
    memory_bytes: int
    storage_bytes: int


@dataclass(frozen=True, slots=True)
class Pressure:
    memory: bool = False
    disk: bool = False
    pid: bool = False


def read_host_facts(state_dir: Path) -> HostFacts:
    machine_id = _text("/etc/machine-id")
    return HostFacts(
        hostname=platform.node().lower() or "localhost",
        operating_system=platform.system().lower(),
        architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
        kernel_version=platform.release(),
        os_image=_os_image(),
        machine_id=machine_id,
        # Only root may read the hardware's.
        system_uuid=_text("/sys/class/dmi/id/product_uuid") or machine_id,
        boot_id=_text("/proc/sys/kernel/random/boot_id"),
        cpu_count=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        storage_bytes=_storage_bytes(state_dir),
    )


def read_pressure(state_dir: Path) -> Pressure:
    return Pressure(memory=_lacks_memory(), disk=_lacks_disk(state_dir))


def _lacks_memory() -> bool:
    for line in _text("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024 < _LEAST_MEMORY
    return False


def _lacks_disk(state_dir: Path) -> bool:
    disk = _file_system(state_dir)
    return disk is not None and (
        disk.f_bavail < disk.f_blocks * _LEAST_DISK_SHARE
        or disk.f_favail < disk.f_files * _LEAST_INODE_SHARE
    )


def _storage_bytes(state_dir: Path) -> int:
    disk = _file_system(state_dir)
    return 0 if disk is None else disk.f_blocks * disk.f_frsize


def _file_system(path: Path) -> os.statvfs_result | None:
    """Of the path, or of where it will be made."""
    for place in (path, *path.parents):
        with contextlib.suppress(OSError):
            return os.statvfs(place)
    return None


def _os_image() -> str:
    for line in _text("/etc/os-release").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip('"')
    return f"{platform.system()} {platform.release()}"


def _text(path: str) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return Path(path).read_text(encoding="utf-8").strip()
    return ""
