"""Start a container's main process, and know what belongs to it.

Role: control group, start record, exec: in an order in which no instant of a crash loses the
process. It waits until its start record is in place, and dies with its shim: no process without a
record ever runs its program.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping

from minikubelet.runtime.shim import cgroup, child, linux, mounts, records
from minikubelet.runtime.shim.exec_spawn import Surroundings
from minikubelet.runtime.shim.mount_points import REGISTER, MountPoints
from minikubelet.runtime.shim.stdio import give_to
from minikubelet.runtime.shim.waiting_child import WaitingChild

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Container:
    """One instance. `launch` is its launch file, a LaunchSpec as JSON, and `spec` what that says;
    `waiting` a process for it, if there is one already. The caller waits for the process."""

    def __init__(
        self, spec: Mapping[str, Any], launch: bytes, waiting: WaitingChild | None = None
    ) -> None:
        self.spec = spec
        self.created_at = time.time_ns()
        self.start_record = b""
        """Encoded."""
        self._launch = launch
        self._cgroup: cgroup.Cgroup | None = None
        register = os.path.join(os.path.dirname(spec["socket_path"]), REGISTER)
        self._mount_points = MountPoints(spec["mounts"], register) if spec["mounts"] else None
        self._child = waiting

    def prepare(self) -> None:
        """See to it that there is a process, which waits for `let_go`. Raises OSError."""
        stdin, tty, user = self.spec["stdin"], self.spec["tty"], self.spec["user"]
        if self._child and (stdin or tty or not self._child.lives()):
            self._child.dismiss()
            self._child = None
        if self._child is None:
            self._child = WaitingChild(stdin=stdin, tty=tty, user=user)
        elif user is not None:
            give_to(self._child.stdio.own, user)

    @property
    def pid(self) -> int:
        """0 while there is no process."""
        return self._child.pid if self._child else 0

    @property
    def status(self) -> int:
        """Readable when the program runs or has failed to: see `child.read_failure`."""
        assert self._child
        return self._child.status

    @property
    def outputs(self) -> Mapping[str, int]:
        """What the process prints, by stream name."""
        assert self._child
        return self._child.stdio.outputs

    @property
    def stdin(self) -> int | None:
        """See `Stdio.stdin`."""
        return self._child.stdio.stdin if self._child else None

    def let_go(self) -> None:
        """Put the process under its limits, record it, and let it execute its program. Raises
        StartError."""
        assert self._child
        spec = self.spec
        if spec.get("no_new_privileges"):  # launches of earlier versions do not say
            _withhold_privileges()
        try:
            if spec["memory_limit_bytes"] or spec["cpu_limit_millis"]:
                self._cgroup = _make_cgroup(spec)
                self._adopt(self.pid)
            if self._mount_points:
                self._mount_points.make()
        except OSError as error:
            text = f"cannot create the container: {child.reason(error)}"
            raise child.StartError(child.CREATE, text) from None
        try:
            self._record_start()
            self._child.let_go(self._launch)
        except OSError as error:
            text = f"cannot write the start record: {child.reason(error)}"
            raise child.StartError(child.CREATE, text) from None

    @property
    def memory_is_limited(self) -> bool:
        """Whether the kernel enforces the memory limit."""
        return self._cgroup is not None

    def _cpu_is_unlimited(self) -> bool:
        """Whether there is a processor limit that nobody enforces."""
        limited = self._cgroup is not None and self._cgroup.cpu_limited
        return bool(self.spec["cpu_limit_millis"]) and not limited

    def settled(self) -> None:
        """The program runs: everything that it needed is in place."""
        if self._mount_points:
            self._mount_points.settled()

    def surroundings(self) -> Surroundings:
        """What commands run in this container need; moves the shim to the container's directory if
        that suffices."""
        spec = self.spec
        identity = (spec["user"], spec["group"], spec["groups"])
        simple = not spec["mounts"] and identity == (None, None, None)
        if simple:
            try:
                os.chdir(spec["cwd"])
            except OSError:
                simple = False
        return Surroundings(spec, simple, self._join, self._adopt)

    def kill_group(self) -> None:
        """SIGKILL to the whole control group, if there is one."""
        if self._cgroup:
            with contextlib.suppress(OSError):
                self._cgroup.freeze_and_kill()

    def end(self) -> bool:
        """Nothing of it lives: remove its control group, and mount points that were made for it.
        Whether it ran out of memory."""
        if self._mount_points:
            self._mount_points.remove()
        if self._cgroup is None:
            return False
        out_of_memory = False
        with contextlib.suppress(OSError):
            out_of_memory = self._cgroup.oom_killed()
            self._cgroup.remove()
        return out_of_memory

    def _record_start(self) -> None:
        shim = os.getpid()
        self.start_record = records.encode_record(
            {
                "container_id": self.spec["container_id"],
                "pid": self.pid,
                "start_time": linux.start_time(self.pid),
                "boot_id": linux.boot_id(),
                "shim_pid": shim,
                "shim_start_time": linux.start_time(shim),
                "created_at": self.created_at,
                "started_at": time.time_ns(),
                "started_monotonic": time.monotonic(),
                "cpu_unlimited": self._cpu_is_unlimited(),
            }
        )
        directory = self.spec["instance_dir"]
        records.write_record(directory, records.START, self.start_record, durable=False)

    def _join(self) -> None:
        self._adopt(os.getpid())
        if self.spec["mounts"]:
            _join_mounts(self.pid)

    def _adopt(self, pid: int) -> None:
        if self._cgroup:
            self._cgroup.add(pid)


def _withhold_privileges() -> None:
    """From the shim itself, and so from all that it starts: commands run in the container, too."""
    if not linux.forbid_new_privileges():
        text = (
            "this system cannot keep a process from gaining privileges (allowPrivilegeEscalation)"
        )
        raise child.StartError(child.CREATE, text)


def _make_cgroup(spec: Mapping[str, Any]) -> cgroup.Cgroup | None:
    name = os.path.basename(spec["instance_dir"])
    return cgroup.create(name, spec["memory_limit_bytes"], spec["cpu_limit_millis"])


def _join_mounts(pid: int) -> None:
    try:
        mounts.join(pid)
    except (mounts.MountError, OSError) as error:
        text = f"cannot enter the container: {_text(error)}"
        raise child.StartError(child.CREATE, text) from None


def _text(error: Exception) -> str:
    return child.reason(error) if isinstance(error, OSError) else str(error)
