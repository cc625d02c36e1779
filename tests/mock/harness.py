"""A mock server in a process of its own, as containers start it."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from minikubelet.runtime.mock_command import mock_command

PATIENCE_SECONDS = 10.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Mock:
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def read_until(self, line: str) -> None:
        """Wait until the line is printed."""
        assert self.process.stdout is not None
        while line not in self.lines:
            text = self.process.stdout.readline()
            assert text, f"{line!r} was not printed, but {self.lines}"
            self.lines.append(text.rstrip("\n"))

    def wait(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)


@contextlib.contextmanager
def running(*arguments: str, cwd: Path | None = None, **env: str) -> Iterator[Mock]:
    """In a clean environment; killed at the end."""
    process = subprocess.Popen(
        [*mock_command(None, (), "127.0.0.1"), *arguments],
        cwd=cwd or "/",
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Mock(process)
        finally:
            process.kill()


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A mock that ends by itself."""
    return subprocess.run(
        [*mock_command(None, (), "127.0.0.1"), *arguments],
        cwd="/",
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def connect(port: int) -> None:
    """Wait until the port is open."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"port {port} was not opened"
            os.sched_yield()


def wait_until_refused(port: int) -> None:
    """Wait until nobody listens on the port any more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass  # it was closed between the greeting and the answer
        assert time.monotonic() < deadline, f"port {port} was not closed"


def get(port: int, path: str = "/") -> tuple[int, str]:
    """Status and body."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        client.request("GET", path)
        response = client.getresponse()
        return response.status, response.read().decode()
    finally:
        client.close()


def wait_for_status(port: int, path: str, status: int) -> str:
    """Ask until the status is this one; the body that came with it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        seen, body = get(port, path)
        if seen == status:
            return body
        assert time.monotonic() < deadline, f"{path} stayed at {seen}"
