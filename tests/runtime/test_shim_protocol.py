"""Peers of a shim: none can end it or hold it up."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.records import read_start_record
from minikubelet.runtime.shim.frames import (
    MAX_PAYLOAD,
    FrameDecoder,
    StreamChannel,
    encode_frame,
)
from minikubelet.runtime.shim.protocol import Decoder, encode
from tests.runtime.harness import Harness, eventually, is_alive, processes_with


@pytest.mark.parametrize(
    ("chunks", "messages"),
    [
        pytest.param((b'{"a":1}\n',), [{"a": 1}], id="one"),
        pytest.param((b'{"a"', b":1}\n{}", b"\n"), [{"a": 1}, {}], id="in pieces"),
        pytest.param((b'{"a":1}',), [], id="not complete yet"),
    ],
)
def test_messages_arrive_whole(chunks: tuple[bytes, ...], messages: list[Any]) -> None:
    decoder = Decoder()
    assert [message for chunk in chunks for message in decoder.feed(chunk)] == messages


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"[]\n", b"\n", b"\xff\n"])
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting|must be|codec"):
        Decoder().feed(data)


def connect(spec: LaunchSpec) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(spec.socket_path)
    sock.settimeout(10)
    return sock


def read_message(sock: socket.socket) -> dict[str, Any]:
    data = b""
    while not data.endswith(b"\n"):
        part = sock.recv(1)  # frames may follow the line
        assert part, "the shim has closed the connection"
        data += part
    message: dict[str, Any] = json.loads(data)
    return message


EXEC = {
    "type": "stream",
    "kind": "exec",
    "argv": ["cat"],
    "stdin": True,
    "stdout": True,
    "stderr": True,
    "tty": False,
    "width": 0,
    "height": 0,
}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n", id="another protocol"),
        pytest.param(encode({"type": "stop"}), id="a missing member"),
        pytest.param(encode({"type": "stop", "grace": "soon"}), id="a mistyped member"),
        pytest.param(encode({"type": "stop", "grace": 1, "signal": 999}), id="no such signal"),
        pytest.param(
            encode({"type": "exec", "id": 1, "argv": [], "timeout": None, "output_limit": 1}),
            id="an empty command",
        ),
        pytest.param(encode({"type": "stream"}), id="a session of no kind"),
        pytest.param(encode({"type": "stream", "kind": "attach"}), id="no word on its streams"),
        pytest.param(encode({**EXEC, "argv": []}), id="a session without a command"),
        pytest.param(encode({**EXEC, "argv": 1}), id="a command that is none"),
        pytest.param(encode({**EXEC, "width": "wide"}), id="a size that is none"),
        pytest.param(encode({**EXEC, "width": 1e400}), id="a size without an end"),
    ],
)
async def test_a_peer_that_breaks_the_protocol_is_dropped(data: bytes, harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"))
    with connect(spec) as peer:
        peer.sendall(data)
        assert peer.recv(1) == b""
    result = await harness.runtime.exec(spec.container_id, ["echo", "alive"], timeout=10)
    assert result.stdout == b"alive\n"
    assert harness.events == []


async def test_messages_of_a_later_version_are_ignored(harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"))
    with connect(spec) as peer:
        peer.sendall(encode({"type": "dance"}) + encode({"type": "hello", "format": 2}))
        expected = {"type": "hello", "format": 1, "container_id": spec.container_id}
        assert read_message(peer) == expected


async def test_every_peer_hears_of_the_end(harness: Harness) -> None:
    spec = await harness.start(("sh", "-c", "read line"), stdin=True)
    with connect(spec) as peer:
        peer.sendall(encode({"type": "hello"}))
        assert read_message(peer)["type"] == "hello"
        peer.sendall(encode({"type": "stop", "grace": 10}))
        assert read_message(peer)["step"] == "TERM"
        assert read_message(peer)["record"]["exit_code"] == 143
        assert peer.recv(1) == b""
    assert (await harness.exit_of(spec)).exit_code == 143


async def test_the_socket_is_closed_to_others(harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"))
    assert os.stat(spec.socket_path).st_mode & 0o777 == 0o600


async def test_a_shim_takes_no_notice_of_signals_to_whole_groups(harness: Harness) -> None:
    spec = await harness.start(("sh", "-c", "read line"), stdin=True)
    start = read_start_record(Path(spec.instance_dir))
    assert start
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        os.kill(start.shim_pid, number)
    result = await harness.runtime.exec(spec.container_id, ["echo", "alive"], timeout=10)
    assert result.stdout == b"alive\n"
    assert is_alive(start.shim_pid, start.shim_start_time)


async def test_many_containers_at_a_time(harness: Harness) -> None:
    specs = [await harness.start(("sleep", "1000")) for _ in range(40)]
    for spec in specs:
        harness.runtime.stop(spec.container_id, 10)
    codes = [(await harness.exit_of(spec)).exit_code for spec in specs]
    assert codes == [143] * 40
    await eventually(lambda: not harness.living_shims(), "all shims have ended")


async def test_a_kind_of_session_of_a_later_version_is_refused(harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"))
    with connect(spec) as peer:
        peer.sendall(encode({"type": "stream", "kind": "dance"}))
        assert read_message(peer) == {"type": "stream_failed", "message": "no such session: dance"}
        assert peer.recv(1) == b""


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\0\xff\xff\xff\xff", id="a frame too long"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="another protocol"),
    ],
)
async def test_a_session_that_breaks_the_protocol_is_ended(data: bytes, harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"))
    with connect(spec) as peer:
        peer.sendall(encode(EXEC))
        assert read_message(peer) == {"type": "stream_started"}
        peer.sendall(encode_frame(StreamChannel.STDIN, b"x") + encode_frame(77, b"later") + data)
        received = b""
        while part := peer.recv(100):
            received += part
        assert encode_frame(StreamChannel.STDOUT, b"x").startswith(received)
    mark = str(harness.directory)
    await eventually(lambda: len(processes_with(mark)) == 1, "the command is gone")


async def test_a_terminal_has_a_size_in_any_case(harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"))
    with connect(spec) as peer:
        peer.sendall(encode({**EXEC, "argv": ["stty", "size"], "tty": True, "width": 70000}))
        assert read_message(peer) == {"type": "stream_started"}
        decoder, printed = FrameDecoder(), b""
        while data := peer.recv(100):  # in one frame or in several, and then how it ended
            decoder.feed(data)
            while frame := decoder.next():
                printed += frame[1] if frame[0] == StreamChannel.STDOUT else b""
        assert printed == b"24 80\r\n"


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_frames_arrive_whole(step: int) -> None:
    frames = [(0, b"input"), (5, b""), (1, bytes(MAX_PAYLOAD)), (99, b"\0\n")]
    data = b"".join(encode_frame(*frame) for frame in frames)
    decoder, received = FrameDecoder(), []
    for begin in range(0, len(data), step):
        decoder.feed(data[begin : begin + step])
        while frame := decoder.next():
            received.append(frame)
    assert received == frames


def test_a_frame_that_is_too_long_is_not_waited_for() -> None:
    decoder = FrameDecoder()
    decoder.feed(encode_frame(1, bytes(MAX_PAYLOAD + 1))[:5])
    with pytest.raises(ValueError, match="a frame of 32769 bytes"):
        decoder.next()


@pytest.mark.parametrize("kind", ["spawned", "forked", "attached"])
async def test_a_peer_that_has_gone_before_its_session_begins(kind: str, harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"))
    start = read_start_record(Path(spec.instance_dir))
    assert start
    os.kill(start.shim_pid, signal.SIGSTOP)
    try:
        with connect(spec) as peer:
            request = {**EXEC, "argv": ["sleep", "1000"], "tty": kind == "forked"}
            if kind == "attached":
                request["kind"] = "attach"
            peer.sendall(encode(request))
    finally:
        os.kill(start.shim_pid, signal.SIGCONT)
    result = await harness.runtime.exec(spec.container_id, ["echo", "alive"], timeout=10)
    assert result.stdout == b"alive\n"
    mark = str(harness.directory)
    await eventually(lambda: len(processes_with(mark)) == 1, "no command is left")
