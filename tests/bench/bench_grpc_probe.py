"""CPU of the daemon per gRPC probe.

The floor sends the same frames, made before, over a blocking socket. There is no budget yet: frames
written by hand took 0.4 times grpc-go, so grpc-go is about 2.5 times the floor of this run.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from minikubelet.manifest.pod import GRPCAction, Probe, ProbeKind
from minikubelet.probes.grpc_health import HealthConversation
from tests.bench.harness import Row, medians
from tests.bench.local_server import grpc_server
from tests.bench.probing import READ_BYTES, cpu_of, probe_cpu

TIMES = 150
ROUNDS = 7

_FRAME_HEAD = 9
_END_STREAM = 0x1
_HEADERS = 0x1


def run() -> Iterator[Row]:
    with grpc_server() as port:
        probe = Probe(ProbeKind.LIVENESS, grpc=GRPCAction(port=port))
        request = _request(port)
        floor, ours = medians(
            ROUNDS, cpu_of(lambda: _call(port, request), TIMES), probe_cpu(probe, TIMES)
        )
    yield Row("CPU per gRPC probe", ours, "µs", floor, "frames made before")


def _request(port: int) -> list[bytes]:
    """What a probe sends: first, and upon each read of a real answer."""
    conversation = HealthConversation(f"127.0.0.1:{port}", "", "bench", 10.0)
    sent = [conversation.begin()]
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(sent[0])
        while not conversation.finished:
            sent.append(conversation.receive(sock.recv(READ_BYTES)))
            sock.sendall(sent[-1])
    return sent


def _call(port: int, request: list[bytes]) -> None:
    with socket.socket() as sock:
        sock.connect(("127.0.0.1", port))
        for data in request:
            sock.sendall(data)
        answer = b""
        while not _is_complete(answer):
            data = sock.recv(READ_BYTES)
            assert data, "the server has hung up"
            answer += data


def _is_complete(answer: bytes) -> bool:
    """Whether the last frame, the trailers, is there."""
    start = 0
    while start + _FRAME_HEAD <= len(answer):
        kind, flags = answer[start + 3], answer[start + 4]
        start += _FRAME_HEAD + int.from_bytes(answer[start : start + 3])
        if kind == _HEADERS and flags & _END_STREAM and start <= len(answer):
            return True
    return False
