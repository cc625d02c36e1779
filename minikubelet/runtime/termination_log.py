"""Where the termination message of an instance is read (L-213).

Role: an instance always has a private file for it, named by MINIKUBELET_TERMINATION_LOG. Whether
that file is also mounted at `terminationMessagePath`, or the path is read as it is on the host, is
decided here.
Invariants: pure; a container that has no mounts and does not use the path gets no namespace for its
sake.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from minikubelet.runtime.launch import Mount
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class TerminationLog:
    path: str
    """Host path of the file to read."""
    remove: bool = False
    """Remove it after reading: the application made it at its place on the host."""
    mount: Mount | None = None


def plan_termination_log(
    wanted: str,
    private: str,
    mounts: Sequence[Mount],
    texts: Iterable[str],
    can_be_made: bool,
) -> TerminationLog:
    """`wanted` is terminationMessagePath, `private` the instance's own file.

    `texts` is all that the container is told: command line and environment. `can_be_made` says
    whether the application can make `wanted` on the host, which has its directory, but not it.
    """
    mounted = TerminationLog(private, mount=Mount(private, wanted))
    path = PurePosixPath(wanted)
    if path.is_relative_to("/dev"):
        used = bool(mounts) or any(wanted in text for text in texts)
        return mounted if used else TerminationLog(private)
    if not can_be_made or any(path.is_relative_to(mount.target) for mount in mounts):
        return mounted
    return TerminationLog(wanted, remove=True)
