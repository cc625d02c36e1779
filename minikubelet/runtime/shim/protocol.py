"""What daemon, spawner and shim say to each other.

Daemon and shim: one JSON object per line, both ways, over a stream socket.

From the shim: `started` {record}, `start_failed` {kind: create | config | start, message}, `hello`
{container_id}, `step` {step: TERM | KILL | stuck, at, seconds, detail}, `exec_done` {id, exit_code,
stdout, stderr, timed_out, spawn_seconds, run_seconds}, `exec_failed` {id, message}, `log_lost`
{lost_bytes, message}, `exited` {record}. The shim closes the connection when it ends, which is
after `exited`; to a `hello` after that it says `exited` again.
From the daemon: `hello`, `stop` {grace, signal}, `exec` {id, argv, env, timeout, output_limit},
`cancel` {id}; and `stream`, on a connection of its own, which begins an exec or attach session
(`frames.py`): {kind: exec, argv, stdin, stdout, stderr, tty, width, height} or {kind: attach,
stdin, stdout, stderr}.
Bytes (command output) travel as text of the same code points (latin-1). Times are seconds of the
monotonic clock, which all processes of a machine share. Unknown types and members are ignored, so
that two versions can follow each other; `hello` and `started` carry the format number.
"""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = 1

SPAWNER_HEADER = struct.Struct("!cI")
"""A request to the spawner: one of the kinds below and the length of the argument that follows. A
descriptor comes with the first byte."""
LAUNCH, SWEEP = b"L", b"S"
"""LAUNCH: fork a shim for the launch file with this path; the descriptor is the shim's first
connection.
SWEEP: close the descriptor when the shim with this pid, and all that it has left behind, are gone.
"""

Message = dict[str, "Any"]


_encode = json.JSONEncoder(separators=(",", ":")).encode


def encode(message: Message) -> bytes:
    return _encode(message).encode() + b"\n"


def encode_with_record(type: str, record: bytes) -> bytes:
    """A message whose other member is a record that was encoded before."""
    return b'{"type":"%b","format":%d,"record":%b}\n' % (type.encode(), FORMAT, record)


class Decoder:
    """Bytes as they arrive → messages. A line that is no JSON object raises ValueError: the peer is
    not one of us."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        messages = []
        for line in lines:
            message = json.loads(line)
            if not isinstance(message, dict):
                raise ValueError("a message must be an object")
            messages.append(message)
        return messages
