"""Both ends of a forwarded port, each in a process of its own: `pod` and `client PORT PORT PORT`.

The pod does what the first byte of a connection says: `d` sends `AMOUNT` bytes, `u` takes all and
answers, anything else is answered. The client is told the ports
of pod, relay and API; it takes orders from its stdin (`relay` or `spdy`,
and `down`, `up` or `many`) and prints the seconds that each took.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable

from tests.apiserver.api import TOKEN
from tests.apiserver.streaming import POD
from tests.apiserver.wire.spdy_peer import SpdyPeer

AMOUNT = 100 * 1024 * 1024
MANY = 100
_PIECE = 32 * 1024
_READ = 256 * 1024


def pod() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=MANY) as listener:
        print(listener.getsockname()[1], flush=True)
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        sys.stdin.read()


def _accept(listener: socket.socket) -> None:
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_serve, args=(sock,), daemon=True).start()


def _serve(sock: socket.socket) -> None:
    with sock:
        what = sock.recv(1)
        if what == b"d":
            piece = bytes(1024 * 1024)
            for _ in range(AMOUNT // len(piece)):
                sock.sendall(piece)
            return
        if what == b"u":
            _take(sock, AMOUNT)
        sock.sendall(b"ok")


def _take(sock: socket.socket, amount: int) -> None:
    buffer = memoryview(bytearray(_READ))
    while amount > 0:
        got = sock.recv_into(buffer, min(amount, _READ))
        assert got, "the connection ended early"
        amount -= got


def client(pod_port: int, relay_port: int, api_port: int) -> None:
    for line in sys.stdin:
        way, what = line.split()
        steps: dict[str, Callable[[], None]] = {
            "relay down": lambda: _relay_one(relay_port, b"d"),
            "relay up": lambda: _relay_one(relay_port, b"u"),
            "relay many": lambda: _relay_many(relay_port),
            "spdy down": lambda: _spdy_one(api_port, pod_port, b"d"),
            "spdy up": lambda: _spdy_one(api_port, pod_port, b"u"),
            "spdy many": lambda: _spdy_many(api_port, pod_port),
        }
        began = time.perf_counter()
        steps[f"{way} {what}"]()
        print(time.perf_counter() - began, flush=True)


def _relay_one(port: int, what: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(what)
        if what == b"d":
            _take(sock, AMOUNT)
            return
        piece = bytes(_PIECE)
        for _ in range(AMOUNT // _PIECE):
            sock.sendall(piece)
        _take(sock, len(b"ok"))


def _relay_many(port: int) -> None:
    socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(MANY)]
    for sock in socks:
        sock.sendall(b"?")
    for sock in socks:
        _take(sock, len(b"ok"))
        sock.close()


def _spdy_one(api_port: int, pod_port: int, what: bytes) -> None:
    peer = SpdyPeer()
    with _upgraded(api_port) as sock:
        stream = _open_pair(sock, peer, pod_port, 0)
        sock.sendall(peer.data(stream, what))
        if what == b"d":
            _take_frames(sock, stream, AMOUNT)
            return
        piece = peer.data(stream, bytes(_PIECE))
        for _ in range(AMOUNT // _PIECE):
            sock.sendall(piece)
        _take_frames(sock, stream, len(b"ok"))


def _spdy_many(api_port: int, pod_port: int) -> None:
    peer = SpdyPeer()
    with _upgraded(api_port) as sock:
        for number in range(MANY):
            stream = _open_pair(sock, peer, pod_port, number)
            sock.sendall(peer.data(stream, b"?"))
        answered = 0
        while answered < MANY:
            answered += [said.data for said in peer.receive(sock.recv(_READ))].count(b"ok")


def _upgraded(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    lines = (
        f"POST {POD}/portforward HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Bearer {TOKEN}",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        "X-Stream-Protocol-Version: portforward.k8s.io",
        "",
        "",
    )
    sock.sendall("\r\n".join(lines).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    assert b" 101 " in head, head
    return sock


def _open_pair(sock: socket.socket, peer: SpdyPeer, port: int, number: int) -> int:
    headers = {"port": str(port), "requestid": str(number)}
    _, error = peer.open({"streamtype": "error", **headers}, fin=True)
    stream, data = peer.open({"streamtype": "data", **headers})
    sock.sendall(error + data)
    return stream


def _take_frames(sock: socket.socket, stream: int, amount: int) -> None:
    """Until so much of a stream has come; what it says is not looked at."""
    file = sock.makefile("rb", buffering=_READ)
    while amount > 0:
        head = file.read(8)
        length = int.from_bytes(head[5:], "big")
        file.read(length)
        if int.from_bytes(head[:4], "big") == stream:
            amount -= length


if __name__ == "__main__":
    if sys.argv[1] == "pod":
        pod()
    else:
        client(*map(int, sys.argv[2:]))
