"""Commands run in a container: probes, hooks, `exec`.

Role: run by the shim, so that such a process is a descendant of the container's subreaper: it is
reaped, and cannot outlive the container (B-5, B-6). The deadline counts from when the command runs
(B-26); at the deadline the command, its session and its descendants are killed, and the answer
waits until they are gone (P-348).
A request with a `key` is run once in the life of the container, and goes on without the daemon that
asked for it: who asks again is told what became of it (lifecycle hooks).
Invariants: each request is answered once, unless it was cancelled. A background process that keeps
the pipes open delays no answer; what it prints is thrown away as long as it lives.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from minikubelet.runtime.shim import tree
from minikubelet.runtime.shim.capture import Capture, Leftovers
from minikubelet.runtime.shim.child import StartError, read_failure
from minikubelet.runtime.shim.exec_spawn import SpawnedCommand, Surroundings, spawn_command
from minikubelet.runtime.shim.linux import Process, exit_code_of
from minikubelet.runtime.shim.loop import Loop, Timer
from minikubelet.runtime.shim.protocol import Message

_KILL_AGAIN_SECONDS = 0.005
_GIVE_UP_SECONDS = 5.0
"""For a process that SIGKILL does not end: the answer does not wait longer."""
_ENTER_SECONDS = 10.0
"""How long a command may take to be in the container and run; counts only when there is a timeout.
"""

Send = Callable[[Message], None]


class _Session:
    """One command. `send` is None when nobody waits for the answer any more."""

    def __init__(
        self,
        request: Message,
        command: SpawnedCommand,
        owner: object,
        send: Send,
        outputs: tuple[Capture, ...],
        asked_at: float,
    ) -> None:
        self.id: int = request["id"]
        self.key: str = request.get("key") or ""
        self.timeout: float | None = request["timeout"]
        self.pid = command.pid
        self.status = command.status
        self.owner = owner
        self.send: Send | None = send
        self.outputs = outputs
        self.asked_at = asked_at
        self.running_since = 0.0
        self.run_seconds = 0.0
        self.exit_code: int | None = None
        self.timed_out = False
        self.give_up_at: float | None = None
        self.timer: Timer | None = None


class ExecSessions:
    """The commands of one container. `reaped` is to be told of each child that was waited for."""

    def __init__(self, loop: Loop, surroundings: Surroundings, leftovers: Leftovers) -> None:
        self._loop = loop
        self._surroundings = surroundings
        self._sessions: dict[int, _Session] = {}
        self._answers: dict[str, Message] = {}
        """Of commands with a key that have ended."""
        self._leftovers = leftovers

    def start(self, owner: object, request: Message, send: Send) -> None:
        """Run the command of an `exec` request; `send` gets the answer. `owner` is who may cancel
        it."""
        if request.get("key") and self._knows(owner, request, send):
            return
        asked_at = time.monotonic()
        try:
            command = spawn_command(self._surroundings, request["argv"], request.get("env") or {})
        except StartError as failure:
            self._answer(request.get("key"), send, _failed(request["id"], failure.message))
            return
        limit = int(request["output_limit"])
        outputs = tuple(Capture(self._loop, fd, limit) for fd in command.stdio.outputs.values())
        session = _Session(request, command, owner, send, outputs, asked_at)
        self._sessions[command.pid] = session
        if command.status is None:
            self._runs(session)
            return
        self._loop.watch(command.status, lambda: self._settle(session))
        if session.timeout is not None:
            # The way into the container may hang, on a dead network file system for one.
            longest = session.timeout + _ENTER_SECONDS
            session.timer = self._loop.call_later(longest, lambda: self._on_deadline(session))

    def cancel(self, owner: object, id: int | None = None) -> None:
        """Kill what this owner asked for, one command or all, without an answer; one with a key
        only when it is named."""
        for session in tuple(self._sessions.values()):
            mine = session.owner is owner and not session.key
            if (mine and id is None) or (session.owner is owner and session.id == id):
                session.send = None
                self._kill(session)

    def _knows(self, owner: object, request: Message, send: Send) -> bool:
        """Whether such a command has run or runs; then `send` gets its answer, now or at its
        end."""
        key = request["key"]
        if answer := self._answers.get(key):
            send({**answer, "id": request["id"]})
            return True
        for session in self._sessions.values():
            if session.key == key:
                session.id, session.owner, session.send = request["id"], owner, send
                return True
        return False

    def _answer(self, key: str | None, send: Send | None, answer: Message) -> None:
        if key:
            self._answers[key] = answer
        if send:
            send(answer)

    def belongs_to_command(self, process: Process) -> bool:
        """Whether a process is in the session of a command that runs."""
        return process.sid in self._sessions

    def reaped(self, pid: int, status: int) -> None:
        session = self._sessions.get(pid)
        if session is None:
            return
        self._settle(session)
        session.exit_code = exit_code_of(status)
        session.run_seconds = time.monotonic() - session.running_since
        if session.give_up_at is None:
            self._finish(session)
        else:
            self._kill_again(session)

    def _settle(self, session: _Session) -> None:
        """Learn whether the forked child could execute the command."""
        if session.status is None:
            return
        failure = read_failure(session.status)
        self._loop.forget(session.status)
        os.close(session.status)
        session.status = None
        if failure is None:
            self._runs(session)
        elif session.send:
            self._answer(session.key, session.send, _failed(session.id, failure.message))
            session.send = None

    def _runs(self, session: _Session) -> None:
        session.running_since = time.monotonic()
        if session.timer:
            session.timer.cancel()
        if session.timeout is not None:
            session.timer = self._loop.call_later(
                session.timeout, lambda: self._on_deadline(session)
            )

    def _on_deadline(self, session: _Session) -> None:
        session.timed_out = True
        self._kill(session)

    def _kill(self, session: _Session) -> None:
        if session.give_up_at is None:
            session.give_up_at = time.monotonic() + _GIVE_UP_SECONDS
            self._kill_again(session)

    def _kill_again(self, session: _Session) -> None:
        """SIGKILL until nothing of the command lives, then answer."""
        assert session.give_up_at is not None
        if session.timer:
            session.timer.cancel()
        left = tree.session_members(session.pid)
        gone = not left and session.exit_code is not None
        if gone or time.monotonic() >= session.give_up_at:
            self._finish(session)
            return
        tree.kill_processes(left)
        session.timer = self._loop.call_later(
            _KILL_AGAIN_SECONDS, lambda: self._kill_again(session)
        )

    def _finish(self, session: _Session) -> None:
        del self._sessions[session.pid]
        if session.timer:
            session.timer.cancel()
        for output in session.outputs:
            output.drain()
        if session.send:
            self._answer(session.key, session.send, _result(session))
        self._leftovers.take(session.outputs)


def _failed(id: int, message: str) -> Message:
    return {"type": "exec_failed", "id": id, "message": message}


def _result(session: _Session) -> Message:
    stdout, stderr = session.outputs
    return {
        "type": "exec_done",
        "id": session.id,
        "exit_code": None if session.timed_out else session.exit_code,
        "stdout": stdout.data.decode("latin-1"),
        "stderr": stderr.data.decode("latin-1"),
        "timed_out": session.timed_out,
        "spawn_seconds": session.running_since - session.asked_at,
        "run_seconds": session.run_seconds,
    }
