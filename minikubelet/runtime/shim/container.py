"""Start a container's main process, and know what belongs to it.

Role: stdio, control group, fork, start record, exec: in an order in which no instant of a crash
loses the process. The child waits until its start record is in place, and dies with its shim: no
process without a record ever runs its program.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping

from minikubelet.runtime.shim import cgroup, child, linux, mounts, records
from minikubelet.runtime.shim.exec_spawn import Surroundings
from minikubelet.runtime.shim.mount_points import REGISTER, MountPoints
from minikubelet.runtime.shim.stdio import Stdio, make_stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Container:
    """One instance. `spec` is a LaunchSpec as JSON. The caller waits for the process."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec = spec
        self.created_at = time.time_ns()
        self.pid = 0
        self.start_record = b""
        """Encoded."""
        self._cgroup: cgroup.Cgroup | None = None
        register = os.path.join(os.path.dirname(spec["socket_path"]), REGISTER)
        self._mount_points = MountPoints(spec["mounts"], register) if spec["mounts"] else None
        self._stdio: Stdio | None = None
        self._child_status = self._child_go = self._go = -1
        self.status = -1
        """Readable when the program runs or has failed to: see `child.read_failure`."""

    def prepare(self) -> None:
        """Open what the process and the shim will share. Raises OSError."""
        spec = self.spec
        self._stdio = make_stdio(stdin=spec["stdin"], tty=spec["tty"], user=spec["user"])
        self.status, self._child_status = os.pipe()
        self._child_go, self._go = os.pipe()

    @property
    def outputs(self) -> Mapping[str, int]:
        """What the process prints, by stream name."""
        assert self._stdio
        return self._stdio.outputs

    @property
    def stdin(self) -> int | None:
        """See `Stdio.stdin`."""
        return self._stdio.stdin if self._stdio else None

    def release(self) -> None:
        """In a process that has forked, or when nothing came of it: close everything."""
        if self._stdio:
            self._stdio.close()
        for fd in (self.status, self._child_status, self._child_go, self._go):
            if fd >= 0:
                os.close(fd)

    def fork(self) -> None:
        """Make the child, which prepares itself and waits for `let_go`. Raises StartError.

        To be called first of all: what a shim has done by then is what the child has to copy.
        """
        assert self._stdio
        spec = self.spec
        if spec.get("no_new_privileges"):  # launches of earlier versions do not say
            _withhold_privileges()
        try:
            if spec["memory_limit_bytes"] or spec["cpu_limit_millis"]:
                self._cgroup = _make_cgroup(spec)
            if self._mount_points:
                self._mount_points.make()
            shim = os.getpid()
            self.pid = os.fork()
        except OSError as error:
            text = f"cannot create the container: {child.reason(error)}"
            raise child.StartError(child.CREATE, text) from None
        if self.pid == 0:
            os.close(self._go)
            child.run_child(
                spec=spec,
                argv=spec["argv"],
                env=spec["env"],
                stdio=self._stdio.child,
                status=self._child_status,
                enter=self._enter,
                ready=child.wait_for_go(self._child_go, shim),
            )
        self._stdio.close_child_ends()
        os.close(self._child_status)
        os.close(self._child_go)

    def let_go(self) -> None:
        """Record the process, and let it execute its program. Raises StartError."""
        try:
            self._record_start()
            with contextlib.suppress(BrokenPipeError):  # it has failed; its status says why
                os.write(self._go, b"g")
        except OSError as error:
            text = f"cannot write the start record: {child.reason(error)}"
            raise child.StartError(child.CREATE, text) from None
        finally:
            os.close(self._go)

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

    def _enter(self) -> None:
        self._adopt(os.getpid())
        if self.spec["mounts"]:
            _enter_mounts(self.spec)

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


def _enter_mounts(spec: Mapping[str, Any]) -> None:
    try:
        mounts.enter(spec["mounts"], spec["user"])
    except (mounts.MountError, OSError) as error:
        raise child.StartError(child.CONFIG, _text(error)) from None


def _join_mounts(pid: int) -> None:
    try:
        mounts.join(pid)
    except (mounts.MountError, OSError) as error:
        text = f"cannot enter the container: {_text(error)}"
        raise child.StartError(child.CREATE, text) from None


def _text(error: Exception) -> str:
    return child.reason(error) if isinstance(error, OSError) else str(error)
