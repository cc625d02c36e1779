"""A shim: the parent of one container's processes, from their start to the record of their end.

Role: start the main process, carry its output to its log, run commands beside it, stop it; when it
is gone kill whatever is left of its tree, before anybody hears of the end. It outlives daemon and
spawner.
Invariants: one thread; nothing waits but the loop. `exited` is sent when nothing of the tree lives
and the record is in place (L-201). Deadlines of a stop run here, so that a dead daemon cannot leave
a container half stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time

from minikubelet.runtime.shim import child, linux, memory_watch, records, tree, tree_end
from minikubelet.runtime.shim.claim import claim
from minikubelet.runtime.shim.connections import Connection, Connections
from minikubelet.runtime.shim.container import Container
from minikubelet.runtime.shim.ending import (
    OOM,
    START_ERROR,
    START_ERROR_STATUS,
    MainEnd,
    exit_record,
)
from minikubelet.runtime.shim.log_file import LogFile
from minikubelet.runtime.shim.loop import Loop
from minikubelet.runtime.shim.output import Output
from minikubelet.runtime.shim.protocol import FORMAT, Message, encode_with_record
from minikubelet.runtime.shim.sessions import Sessions, refuse
from minikubelet.runtime.shim.signals import Signals
from minikubelet.runtime.shim.stopping import Stopping
from minikubelet.runtime.shim.termination import termination_message
from minikubelet.runtime.shim.waiting_child import WaitingChild

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OWNER_LOST_GRACE_SECONDS = 2.0
"""L-246."""
_MEMORY_WATCH_SECONDS = 0.1
_RECORD_RETRY_SECONDS = 1.0


class Shim:
    """One container. `launch` is the locked launch file and `data` what it holds, `owner` a pipe
    that a foreground daemon holds open, `waiting` a process for the container, if there is one."""

    def __init__(
        self, launch: int, data: bytes, owner: int | None, waiting: WaitingChild | None
    ) -> None:
        """Raises ValueError or KeyError for a launch file that is none."""
        spec: dict[str, Any] = json.loads(data)
        self._spec = spec
        self._launch = launch
        self._owner = owner if spec["die_with_owner"] else None
        self._loop = Loop()
        self._container = Container(spec, data, waiting)
        self._connections = Connections(
            self._loop, spec["socket_path"], self._on_message, self._on_closed
        )
        self._log = LogFile(
            spec["log_path"], spec["log_max_bytes"], spec["log_max_files"], self._on_log_lost
        )
        self._signals = Signals(
            self._loop,
            # Who finds the socket gone, with all of /run, asks for it again (adoption.py).
            {signal.SIGCHLD: self._reap, signal.SIGUSR1: self._listen_again},
        )
        self._output: Output | None = None
        self._sessions: Sessions | None = None
        self._stopping = Stopping(
            self._loop, self._signal, self._kill, self._describe, self._connections.broadcast
        )
        self._tree_end = tree_end.TreeEnd(self._loop, self._reap, self._report_stuck)
        self._started = False
        self._owner_lost = False
        self._killing = False
        self._oom = False
        self._survivors: list[str] = []
        self._end: MainEnd | None = None
        """Of the main process; others may live yet."""
        self._exit_record: bytes | None = None

    def prepare(self, first: socket.socket) -> None:
        """Open all descriptors; `first` is the first connection. Raises StartError."""
        self._connections.add(first)
        try:
            self._signals.open()
            self._connections.listen()
            self._container.prepare()
        except OSError as error:
            text = f"cannot create the container: {child.reason(error)}"
            raise child.StartError(child.CREATE, text) from None
        # First, so that what a terminal shows is remembered from the first byte on.
        self._loop.watch(self._container.status, self._on_status)
        self._output = Output(self._loop, self._container.outputs, self._log)
        if self._owner is not None:
            self._loop.watch(self._owner, self._on_owner_lost)

    def run(self) -> None:
        """Serve until the container's end is recorded."""
        self._signals.activate()
        try:
            self._container.let_go()
        except child.StartError as failure:
            self._give_up(failure)
        else:
            linux.set_process_name(f"shim:{self._spec['container_name']}")
            self._loop.run()
        self._connections.close()

    # --- the start

    def _on_status(self) -> None:
        if self._settle_start():
            self._reap()  # it may have ended before its end was watched for

    def _settle_start(self) -> bool:
        """Learn whether the program runs, or could not be executed."""
        fd = self._container.status
        failure = child.read_failure(fd)
        self._loop.forget(fd)
        os.close(fd)
        if failure:
            self._give_up(failure)
            return False
        self._started = True
        self._container.settled()
        started = encode_with_record("started", self._container.start_record)
        self._connections.broadcast_encoded(started)
        # The rest is for requests, which come through the loop.
        assert self._output
        surroundings = self._container.surroundings()
        self._sessions = Sessions(self._loop, surroundings, self._output, self._container.stdin)
        self._make_start_durable()
        if self._spec["memory_limit_bytes"] and not self._container.memory_is_limited:
            self._watch_memory()
        return True

    def _give_up(self, failure: child.StartError) -> None:
        """There was no start. Only a program that cannot be executed leaves an instance behind
        (L-111)."""
        if self._container.pid:
            os.kill(self._container.pid, signal.SIGKILL)
            os.waitpid(self._container.pid, 0)
        self._container.end()
        if failure.kind == child.START:
            end = MainEnd(START_ERROR_STATUS, None)
            self._exit_record = exit_record(
                self._spec, end, message=failure.message, reason_hint=START_ERROR
            )
            self._write_exit_record()
        else:
            records.remove(os.path.join(self._spec["instance_dir"], records.START))
        self._connections.stop_listening()
        self._connections.broadcast(start_failed(failure))
        self._loop.stop()

    def _make_start_durable(self) -> None:
        if self._spec["die_with_owner"]:
            return
        try:
            records.make_durable(self._spec["instance_dir"], records.START)
        except OSError:
            return  # it is in place, for all that do not lose the machine

    def _watch_memory(self) -> None:
        if self._end:
            return
        own = frozenset((self._log.compressor_pid,))
        pids = [process.pid for process in tree.descendants(os.getpid(), own)]
        if memory_watch.exceeds(pids, self._spec["memory_limit_bytes"]):
            self._oom = True
            self._kill()
        else:
            self._loop.call_later(_MEMORY_WATCH_SECONDS, self._watch_memory)

    # --- what daemons ask for

    def _on_message(self, connection: Connection, message: Message) -> None:
        match message.get("type"):
            case "hello":
                self._greet(connection)
            case "stop":
                self._stop(float(message["grace"]), int(message.get("signal", signal.SIGTERM)))
            case "exec" | "stream" if self._sessions and not self._end:
                self._sessions.serve(connection, message)
            case "exec" | "stream":
                refuse(connection, message)
            case "cancel" if self._sessions:
                self._sessions.cancel(connection, message["id"])

    def _listen_again(self) -> None:
        with contextlib.suppress(OSError):
            self._connections.listen()

    def _on_closed(self, connection: Connection) -> None:
        if self._sessions:
            self._sessions.cancel(connection)

    def _greet(self, connection: Connection) -> None:
        container_id = self._spec["container_id"]
        connection.send({"type": "hello", "format": FORMAT, "container_id": container_id})
        if self._exit_record:
            connection.send_encoded(encode_with_record("exited", self._exit_record))

    def _on_owner_lost(self) -> None:
        assert self._owner is not None
        self._loop.forget(self._owner)
        self._owner_lost = True
        self._stop(OWNER_LOST_GRACE_SECONDS, signal.SIGTERM)

    def _on_log_lost(self, lost_bytes: int, why: str) -> None:
        self._connections.broadcast({"type": "log_lost", "lost_bytes": lost_bytes, "message": why})

    # --- stopping

    def _stop(self, grace_seconds: float, number: int) -> None:
        if not self._end:
            self._stopping.request(grace_seconds, number)

    def _signal(self, number: int) -> None:
        tree.signal_group(self._container.pid, number)
        # A stopped process sees its signal when it goes on.
        tree.signal_group(self._container.pid, signal.SIGCONT)

    def _kill(self) -> None:
        self._killing = True
        tree.signal_group(self._container.pid, signal.SIGKILL)
        self._container.kill_group()
        self._tree_end.kill_round()

    def _describe(self) -> str:
        return ", ".join(tree_end.names_of(self._own_processes()))

    def _own_processes(self) -> list[linux.Process]:
        """What lives of the container, without commands run in it and the shim's own helpers."""
        return [
            process
            for process in tree.descendants(os.getpid())
            if process.pid != self._log.compressor_pid
            and not (self._sessions and self._sessions.belongs_to_command(process))
        ]

    # --- ends of processes

    def _reap(self) -> None:
        """Wait for all that have ended; after the main process no other may live."""
        try:
            for pid in tree_end.ended_children():
                if pid == self._container.pid and not self._main_ends():
                    return
                status, usage = tree_end.wait_for(pid)
                if pid == self._container.pid:
                    self._end = MainEnd(status, usage)
                elif pid == self._log.compressor_pid:
                    self._log.compressor_pid = 0
                elif self._sessions:
                    self._sessions.reaped(pid, status)
        except ChildProcessError:
            if self._end and self._exit_record is None:
                self._finish()
            return
        if self._end or self._killing:
            self._tree_end.kill_round()

    def _main_ends(self) -> bool:
        """The main process is a zombie still, so its group can be killed safely, at one stroke.
        False: it was never more than an attempt to start, and is forgotten."""
        if not self._started and not self._settle_start():
            return False
        self._survivors = tree_end.names_of(self._own_processes())
        self._container.kill_group()
        tree.signal_group(self._container.pid, signal.SIGKILL)
        self._stopping.cancel()
        return True

    def _report_stuck(self, processes: list[linux.Process]) -> None:
        names = ", ".join(
            f"{process.pid} {process.comm} (state {process.state})" for process in processes
        )
        self._connections.broadcast(
            {
                "type": "step",
                "step": "stuck",
                "at": time.monotonic(),
                "seconds": tree_end.STUCK_SECONDS,
                "detail": f"not ended by SIGKILL: {names}",
            }
        )

    def _finish(self) -> None:
        """Nothing lives any more: the last output, the record, the news."""
        assert self._end
        self._tree_end.cancel()
        if self._output:
            self._output.finish()
        if self._sessions:
            self._sessions.container_ended()
        self._oom |= self._container.end()
        self._exit_record = exit_record(
            self._spec,
            self._end,
            message=termination_message(self._spec, self._end.exit_code),
            reason_hint=OOM if self._oom else "",
            survivors=self._survivors,
            term_at=self._stopping.term_at,
            kill_at=self._stopping.kill_at,
            lost_log_bytes=self._log.lost_bytes,
        )
        written = self._write_exit_record()
        if written:
            self._connections.stop_listening()
        self._connections.broadcast_encoded(encode_with_record("exited", self._exit_record))
        if written:
            self._leave()
        else:
            self._loop.call_later(_RECORD_RETRY_SECONDS, self._write_again)

    def _leave(self) -> None:
        """All is recorded; clients of exec and attach may have output to come yet."""
        if self._sessions:
            self._sessions.linger(self._loop.stop)
        else:
            self._loop.stop()

    def _write_again(self) -> None:
        if self._write_exit_record() or self._owner_lost:
            self._leave()
        else:
            self._loop.call_later(_RECORD_RETRY_SECONDS, self._write_again)

    def _write_exit_record(self) -> bool:
        """A full disk must not lose an exit code: the shim stays, and tells who asks, until there
        is room. Where somebody has removed the records, nobody will ask."""
        assert self._exit_record
        directory, durable = self._spec["instance_dir"], not self._spec["die_with_owner"]
        try:
            records.write_record(directory, records.EXIT, self._exit_record, durable=durable)
        except OSError:
            return os.fstat(self._launch).st_nlink == 0
        return True


def prepare_shim(
    path: str, first: socket.socket, owner: int | None, waiting: WaitingChild | None
) -> Shim | None:
    """The shim, in this process, for the instance whose launch file this is; None when it has one,
    or may have none any more. Raises StartError, OSError; ValueError or KeyError for a launch file
    that is none."""
    launch = claim(path)
    if launch is None:
        return None
    data = os.pread(launch, os.fstat(launch).st_size, 0)
    shim = Shim(launch, data, owner, waiting)
    shim.prepare(first)
    return shim


def start_failed(failure: child.StartError) -> Message:
    return {"type": "start_failed", "kind": failure.kind, "message": failure.message}
