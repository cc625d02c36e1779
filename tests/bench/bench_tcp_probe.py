"""CPU of the daemon per TCP probe.

Budget: 0.8 times Go's `net.Dial`. Measured side by side, that took 36 µs where a plain connect and
close in Python took 14 µs, so the budget is 2.05 times the connect and close of this run.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from minikubelet.manifest.pod import Probe, ProbeKind, TCPSocketAction
from tests.bench.harness import Row, medians
from tests.bench.local_server import local_server
from tests.bench.probing import cpu_of, probe_cpu

TIMES = 500
ROUNDS = 9


def run() -> Iterator[Row]:
    with local_server("tcp") as port:
        probe = Probe(ProbeKind.LIVENESS, tcp_socket=TCPSocketAction(port=port))
        floor, ours = medians(
            ROUNDS, cpu_of(lambda: _connect(port), TIMES), probe_cpu(probe, TIMES)
        )
    yield Row("CPU per TCP probe", ours, "µs", floor, "connect, close", 2.05, True)


def _connect(port: int) -> None:
    with socket.socket() as sock:
        sock.connect(("127.0.0.1", port))
