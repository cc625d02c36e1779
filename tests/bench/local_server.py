"""A server to be probed, in a process of its own, so that its work is not counted as ours.

`http` answers each connection with a short 200 and closes it; `tcp` accepts and closes; `grpc` is
the mock server's health service.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

_READ_BYTES = 65536
_PATIENCE_SECONDS = 10.0


@contextmanager
def local_server(kind: str) -> Iterator[int]:
    """Serve until the end of the block; the port."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.local_server", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


@contextmanager
def grpc_server() -> Iterator[int]:
    """The mock server's health service; the port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "minikubelet", "mock", "--grpc", str(port)],
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for_port(port)
            yield port
        finally:
            process.kill()


def _wait_for_port(port: int) -> None:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(0.01)
        else:
            return


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _serve(kind: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    while True:
        peer, _ = listener.accept()
        with peer:
            if kind == "http" and peer.recv(_READ_BYTES):
                peer.sendall(ANSWER)


if __name__ == "__main__":
    _serve(sys.argv[1])
