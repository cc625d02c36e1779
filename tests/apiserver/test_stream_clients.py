"""Streams as the client libraries and kubectl use them, with local processes for containers.

What needs real containers (terminals, attach, cp, debug) is in `tests/kubectl_matrix`.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from minikubelet.apiserver.services import Route
from tests.apiserver.api import Api
from tests.apiserver.streaming import POD, messages, streaming_api, websocket
from tests.fakes.streams import LocalProcesses
from tests.kubectl import Kubectl, kubectl_for, oldest_and_newest

SCRIPT = ["sh", "-c", "read line; echo got $line; echo oh >&2; exit 7"]


@pytest.fixture
def processes() -> LocalProcesses:
    return LocalProcesses(attached=["sh", "-c", "echo screen; exit 3"])


@pytest.fixture
async def api(processes: LocalProcesses, tmp_path: Path) -> AsyncIterator[Api]:
    async with streaming_api(processes, pki_dir=tmp_path / "pki") as api:
        yield api


@pytest.fixture(autouse=True)
def _files_of_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """They keep the certificates of a kubeconfig in files, two of them until the process ends."""
    import kubernetes.config.kube_config
    import kubernetes_asyncio.config.kube_config

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    kubernetes.config.kube_config._cleanup_temp_files()
    kubernetes_asyncio.config.kube_config._cleanup_temp_files()


@contextlib.asynccontextmanager
async def upper_case() -> AsyncIterator[int]:
    """A server in the pod's place, which answers in capitals."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


# --- Python


def _kubernetes_exec(kubeconfig: str) -> tuple[str, str, int]:
    import kubernetes
    from kubernetes.stream import stream

    with kubernetes.config.new_client_from_config(kubeconfig) as client:
        core = kubernetes.client.CoreV1Api(client)
        flags = {"stdin": True, "stdout": True, "stderr": True, "tty": False}
        session = stream(
            core.connect_get_namespaced_pod_exec,
            "web",
            "default",
            command=SCRIPT,
            _preload_content=False,
            **flags,
        )
        session.write_stdin("hello\n")
        session.run_forever(timeout=10)
        session.close()
        session.sock.shutdown()
        return session.read_stdout(), session.read_stderr(), session.returncode


async def test_exec_by_kubernetes(api: Api) -> None:
    told = await asyncio.to_thread(_kubernetes_exec, str(api.kubeconfig))
    assert told == ("got hello\n", "oh\n", 7)


def _kubernetes_forward(kubeconfig: str, port: int) -> bytes:
    import kubernetes
    from kubernetes.stream import portforward

    with kubernetes.config.new_client_from_config(kubeconfig) as client:
        core = kubernetes.client.CoreV1Api(client)
        forward = portforward(
            core.connect_get_namespaced_pod_portforward, "web", "default", ports=str(port)
        )
        with contextlib.closing(forward.socket(port)) as sock:
            sock.setblocking(True)
            sock.sendall(b"hello\n")
            answer = b""
            while data := sock.recv(100):
                answer += data
        for thread in threading.enumerate():
            if thread.name.startswith("Kubernetes port forward proxy"):
                thread.join(10)
        forward.websocket.shutdown()  # it closes only what ended before the server did
        return answer


async def test_port_forward_by_kubernetes(api: Api) -> None:
    async with upper_case() as port:
        answer = await asyncio.to_thread(_kubernetes_forward, str(api.kubeconfig), port)
    assert answer == b"HELLO\n"


async def test_exec_by_kubernetes_asyncio(api: Api) -> None:
    from kubernetes_asyncio import client, config
    from kubernetes_asyncio.stream import WsApiClient

    configuration = client.Configuration()
    await config.load_kube_config(
        str(api.kubeconfig), client_configuration=configuration, persist_config=False
    )
    async with WsApiClient(configuration) as ws, asyncio.timeout(20):
        core = client.CoreV1Api(ws)
        flags = {"stdin": True, "stdout": True, "stderr": True, "tty": False}
        command = ["sh", "-c", "echo out; exit 7"]
        said = await core.connect_get_namespaced_pod_exec(
            "web", "default", command=command, **flags
        )
        assert said == "out\n"
        session = await core.connect_get_namespaced_pod_exec(
            "web", "default", command=command, _preload_content=False, **flags
        )
        async with session as socket:
            messages = [message.data async for message in socket]
        assert ws.parse_error_data(messages[-1][1:].decode()) == 7


async def test_exec_and_port_forward_by_kr8s(api: Api) -> None:
    import kr8s.asyncio

    async with asyncio.timeout(30), upper_case() as port:
        cluster = await kr8s.asyncio.api(kubeconfig=str(api.kubeconfig))
        pod = await kr8s.asyncio.objects.Pod.get("web", namespace="default", api=cluster)
        # It asks for v4, in which no stdin can end, so it sends none.
        script = ["sh", "-c", "echo out; echo oh >&2; exit 7"]
        done = await pod.exec(script, check=False, capture_output=True)
        assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"oh\n", 7)
        async with pod.portforward(remote_port=port, local_port="auto") as local:
            reader, writer = await asyncio.open_connection("127.0.0.1", local)
            writer.write(b"hello\n")
            assert await reader.read() == b"HELLO\n"
            writer.close()


async def test_fifty_at_once_keep_apart(api: Api, processes: LocalProcesses) -> None:
    answers: dict[int, list[bytes | str]] = {}

    async def one(number: int) -> None:
        query = "exec?command=cat&stdin=true&stdout=true&stderr=true"
        async with websocket(api, f"{POD}/{query}", "v5.channel.k8s.io") as ws:
            await ws.send_bytes(b"\x00I am %d" % number)
            await ws.send_bytes(b"\xff\x00")
            answers[number] = await messages(ws)

    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(one(number))
    success = b'\x03{"metadata":{},"status":"Success"}'
    assert answers == {n: [b"\x01I am %d" % n, success] for n in range(50)}
    assert {stream.process.returncode for stream in processes.streams} == {0}


# --- kubectl

both = pytest.mark.parametrize("version", oldest_and_newest())


def kubectl_of(api: Api, version: str, tmp_path: Path, **env: str) -> Kubectl:
    assert api.kubeconfig is not None
    return kubectl_for(version, api.kubeconfig, tmp_path / "cache", **env)


@pytest.mark.kubectl
@both
async def test_attach_says_what_it_sees_and_succeeds(
    api: Api, version: str, tmp_path: Path
) -> None:  # K-77
    kubectl = kubectl_of(api, version, tmp_path)
    assert await asyncio.to_thread(kubectl.ok, "attach", "web") == "screen\n"


@pytest.mark.kubectl
@both
async def test_kubectl_falls_back_when_websockets_are_refused(
    processes: LocalProcesses, version: str, tmp_path: Path
) -> None:  # K-50
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    routes = (Route("GET", f"{POD}/exec", refuse),)
    async with streaming_api(processes, pki_dir=tmp_path / "pki", extra_routes=routes) as api:
        kubectl = kubectl_of(api, version, tmp_path)
        said = await asyncio.to_thread(kubectl.ok, "exec", "web", "--", "echo", "hello")
        assert said == "hello\n"


@pytest.mark.kubectl
@both
async def test_what_kubectl_says_when_the_server_stops(
    api: Api, processes: LocalProcesses, version: str, tmp_path: Path
) -> None:
    kubectl = kubectl_of(api, version, tmp_path)
    command = kubectl.command("exec", "web", "--", "sh", "-c", "echo begun; exec sleep 3600")
    client = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(kubectl.env)
    )
    assert client.stdout is not None
    async with asyncio.timeout(20):
        assert await client.stdout.readline() == b"begun\n"
        await api.server.stop()
        _, told = await client.communicate()
    assert (client.returncode, told.decode()) == (
        1,
        "error: Internal error occurred: the server is stopping\n",
    )
    assert processes.streams[0].process.returncode == -9


@pytest.mark.kubectl
@both
async def test_kubectl_forwards_a_port(api: Api, version: str, tmp_path: Path) -> None:
    kubectl = kubectl_of(api, version, tmp_path)
    async with upper_case() as port, asyncio.timeout(20):
        client = await asyncio.create_subprocess_exec(
            *kubectl.command("port-forward", "--address=127.0.0.1", "pod/web", f":{port}"),
            stdout=subprocess.PIPE,
            env=dict(kubectl.env),
        )
        try:
            assert client.stdout is not None
            local = int((await client.stdout.readline()).split(b":")[1].split()[0])
            for _ in range(3):
                reader, writer = await asyncio.open_connection("127.0.0.1", local)
                writer.write(b"hello\n")
                assert await reader.read() == b"HELLO\n"
                writer.close()
        finally:
            client.kill()
            await client.communicate()
