"""kubectl port-forward over each transport that each kubectl can use (wire, section 17.8)."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.kubectl import Kubectl, versions_under_test
from tests.kubectl_matrix.manifests import pod, text

VARIABLE = "KUBECTL_PORT_FORWARD_WEBSOCKETS"
BIG = 8 * 1024 * 1024
SERVER = """
import hashlib, socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        word = self.rfile.readline()
        if word == b"hash\\n":  # answers after the end of the input: half-close
            self.wfile.write(hashlib.sha256(self.rfile.read()).hexdigest().encode())
        elif word == b"send\\n":
            self.wfile.write(b"x" * int(self.rfile.readline()))
        else:
            while word:
                self.wfile.write(b"echo " + word)
                word = self.rfile.readline()
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 100
with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    server.serve_forever()
"""


def _transports() -> list[object]:
    pairs = [
        pytest.param(version, transport, marks=pytest.mark.kubectl)
        for version in versions_under_test()
        for transport in ("SPDY", "tunnel")
        if transport == "SPDY" or int(version.partition(".")[2]) >= 30
    ]
    missing = pytest.param("", "", marks=[pytest.mark.skip(reason="no kubectl was found")])
    return [*pairs] or [missing]


pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.parametrize(("version", "transport"), _transports()),
]


@pytest.fixture
def forwarding(kubectl: Kubectl, transport: str) -> Kubectl:
    env = {**kubectl.env, VARIABLE: "true" if transport == "tunnel" else "false"}
    return dataclasses.replace(kubectl, env=env)


@pytest.fixture
def port(kubectl: Kubectl) -> int:
    """Of the server in Pod `web`, which is Ready."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    web = pod("web", [sys.executable, "-c", SERVER, str(port)])
    web["spec"]["containers"][0] |= {
        "ports": [{"name": "echo", "containerPort": port}],
        "readinessProbe": {"tcpSocket": {"port": "echo"}, "periodSeconds": 1},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "echo"}]},
    }
    kubectl.ok("apply", "-f", "-", stdin=text(web, service))
    kubectl.ok("wait", "--for=condition=Ready", "pod/web", "--timeout=20s")
    return port


@contextmanager
def forwarded(kubectl: Kubectl, *words: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The local port."""
    command = kubectl.command("port-forward", "--address=127.0.0.1", *words)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(kubectl.env), text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+) -> \d+\n", said)
            assert found is not None, (said, process.stderr and process.stderr.read())
            yield int(found[1]), process
        finally:
            process.kill()


def test_many_connections_much_data_and_half_close(forwarding: Kubectl, port: int) -> None:
    with forwarded(forwarding, "pod/web", f":{port}") as (local, _):
        threads = [threading.Thread(target=_five_requests, args=(local,)) for _ in range(20)]
        failures: list[object] = []
        threading.excepthook = lambda args: failures.append(args.exc_value)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            threading.excepthook = threading.__excepthook__
        assert not failures
        data = random.Random(3).randbytes(BIG)
        with socket.create_connection(("127.0.0.1", local), timeout=30) as sock:
            sock.sendall(b"hash\n" + data)
            sock.shutdown(socket.SHUT_WR)
            assert _all(sock).decode() == hashlib.sha256(data).hexdigest()
        with socket.create_connection(("127.0.0.1", local), timeout=30) as sock:
            sock.sendall(f"send\n{BIG}\n".encode())
            assert len(_all(sock)) == BIG


def _five_requests(local: int) -> None:
    with socket.create_connection(("127.0.0.1", local), timeout=30) as sock:
        file = sock.makefile("rwb")
        for number in range(5):
            file.write(b"line %d\n" % number)
            file.flush()
            assert file.readline() == b"echo line %d\n" % number


def test_a_service_leads_to_its_pod(forwarding: Kubectl, port: int) -> None:  # K-92
    with forwarded(forwarding, "service/front", ":80") as (local, _):
        _five_requests(local)


def test_a_refused_port_is_told(forwarding: Kubectl, port: int) -> None:  # K-90
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        closed = sock.getsockname()[1]
        with forwarded(forwarding, "pod/web", f":{closed}") as (local, process):
            with socket.create_connection(("127.0.0.1", local), timeout=30) as client:
                assert _all(client) == b""
            assert process.stderr is not None
            assert "connection refused" in process.stderr.readline()


def _all(sock: socket.socket) -> bytes:
    data = b""
    try:
        while piece := sock.recv(1 << 20):
            data += piece
    except ConnectionResetError:
        pass
    return data
