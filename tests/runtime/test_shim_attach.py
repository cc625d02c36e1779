"""Clients of the shim that do not read what a container prints, without processes."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minikubelet.runtime.shim import attach
from minikubelet.runtime.shim.attach import Attachments
from minikubelet.runtime.shim.frames import FrameDecoder, StreamChannel
from minikubelet.runtime.shim.log_file import LogFile
from minikubelet.runtime.shim.loop import Loop
from minikubelet.runtime.shim.output import Output
from minikubelet.runtime.shim.screen import Screen
from minikubelet.runtime.shim.stream_connection import StreamConnection

SPEC = {"tty": False, "stdin": False, "stdin_once": False}


class _Container:
    """One that prints into a pipe, with clients at socket pairs."""

    def __init__(self, directory: Path) -> None:
        self.loop = Loop()
        output, self.prints = os.pipe()
        for fd in (output, self.prints):
            os.set_blocking(fd, False)
        self.log = directory / "0.log"
        log = LogFile(str(self.log), 1 << 30, 5, lambda *_: None)
        self.output = Output(self.loop, {"stdout": output}, log)
        self.attachments = Attachments(self.loop, SPEC, self.output, None)
        self.clients: list[socket.socket] = []

    def attach(self) -> socket.socket:
        client, ours = socket.socketpair()
        ours.setblocking(False)
        client.settimeout(5)
        connection = StreamConnection(self.loop, ours, lambda _: None)
        request = {"stdin": False, "stdout": True, "stderr": True}
        self.attachments.add(connection, request)
        self.clients.append(client)
        assert client.recv(100) == b'{"type":"stream_started"}\n'
        return client

    def print_until(self, holds: Callable[[], bool]) -> int:
        """Print as fast as it is taken; the number of bytes."""
        printed = 0
        give_up_at = time.monotonic() + 10

        def step() -> None:
            nonlocal printed
            with contextlib.suppress(BlockingIOError):
                printed += os.write(self.prints, bytes(4096))
            assert time.monotonic() < give_up_at, "not in time"
            if holds():
                self.loop.stop()
            else:
                self.loop.call_later(0, step)

        self.loop.call_later(0, step)
        self.loop.run()
        return printed

    def finish(self) -> None:
        os.close(self.prints)
        self.output.finish()
        self.attachments.container_ended()

    def logged_bytes(self) -> int:
        return self.log.read_bytes().count(b"\0")


@pytest.fixture
def container(tmp_path: Path) -> Iterator[_Container]:
    container = _Container(tmp_path)
    yield container
    for client in container.clients:
        client.close()


def received(client: socket.socket) -> tuple[int, bytes]:
    """How much output, and the result, at the end of a session."""
    frames, count = FrameDecoder(), 0
    while data := client.recv(65536):
        frames.feed(data)
        while frame := frames.next():
            if frame[0] == StreamChannel.RESULT:
                return count, frame[1]
            count += len(frame[1])
    raise AssertionError(f"no result after {count} bytes")


def test_a_client_that_does_not_read_holds_the_container_up_for_a_while(
    container: _Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attach, "_PATIENCE_SECONDS", 0.3)
    stuck = container.attach()
    begun = time.monotonic()
    assert container.print_until(lambda: time.monotonic() > begun + 0.2) < 1_000_000
    # Now it is detached, and the container goes on at its own pace.
    printed = container.print_until(lambda: container.logged_bytes() > 2_000_000)
    assert printed > 1_000_000
    assert time.monotonic() - begun > 0.3
    container.loop.call_later(0.2, container.loop.stop)
    os.set_blocking(stuck.fileno(), True)
    count, result = _read_while_it_runs(container, stuck)
    assert 64 * 1024 < count < 1_000_000
    text = b"detached: the output was not read for 10 seconds"
    assert result == b'{"exit_code": null, "message": "%b"}' % text


def _read_while_it_runs(container: _Container, client: socket.socket) -> tuple[int, bytes]:
    """The shim's side needs its turns, while the client takes what is there."""
    frames, count = FrameDecoder(), 0
    client.setblocking(False)
    while True:
        container.loop.call_later(0.001, container.loop.stop)
        container.loop.run()
        try:
            data = client.recv(65536)
        except BlockingIOError:
            continue
        assert data, "the session has no result"
        frames.feed(data)
        while frame := frames.next():
            if frame[0] == StreamChannel.RESULT:
                return count, frame[1]
            count += len(frame[1])


def test_a_client_that_leaves_lets_the_container_go_on(container: _Container) -> None:
    stuck = container.attach()
    begun = time.monotonic()
    container.print_until(lambda: time.monotonic() > begun + 0.1)
    stuck.close()
    before = container.logged_bytes()
    container.print_until(lambda: container.logged_bytes() > before + 1_000_000)


def test_the_end_comes_behind_what_is_in_the_pipes(container: _Container) -> None:
    client = container.attach()
    os.write(container.prints, b"x" * 60_000)
    container.finish()
    assert received(client) == (60_000, b'{"exit_code": 0, "message": ""}')


@pytest.mark.parametrize(
    ("output", "rows", "shown"),
    [
        pytest.param(b"", 24, b"", id="nothing yet"),
        pytest.param(b"$ ", 24, b"$ ", id="a prompt"),
        pytest.param(
            b"1\r\n2\r\n3\r\n$ ", 3, b"2\r\n3\r\n$ ", id="as many lines as there are rows"
        ),
        pytest.param(b"1\r\n2\r\n", 3, b"1\r\n2\r\n", id="fewer lines"),
        pytest.param(b"cut" + b"x" * 65536 + b"\nb\n", 24, b"b\n", id="of a long line no piece"),
        pytest.param(b"y" * 70000, 24, b"y" * 65536, id="but if there is nothing else"),
        pytest.param(b"a\n" * 100_000, 4, b"a\n" * 3, id="much"),
    ],
)
@pytest.mark.parametrize("step", [1000, 1_000_000], ids=["in pieces", "at once"])
def test_the_last_screenful(output: bytes, rows: int, shown: bytes, step: int) -> None:
    screen = Screen()
    for begin in range(0, len(output), step):
        screen.feed(output[begin : begin + step])
    assert screen.last_lines(rows) == shown
