"""`minikubelet exec`, `attach`, `cp` and `port-forward` against the real API, with local processes
in the place of containers."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web

from minikubelet.apiserver.services import Route
from minikubelet.cli.main import main
from minikubelet.cli.stream_files import write_all
from minikubelet.manifest.json_tree import Json
from tests.apiserver.streaming import a_running_pod
from tests.cli.api_server import ServedApi, an_object, api_server
from tests.fakes.streams import LocalProcesses
from tests.probes.servers import unused_port

BIG = 20 * 1024 * 1024
PATIENCE_SECONDS = 20.0
NAMESPACE = "/api/v1/namespaces/default/pods"
Run = Callable[..., tuple[int, bytes, bytes]]


async def _vanish(request: web.Request) -> web.WebSocketResponse:
    """Says a word, and is gone without a farewell."""
    ws = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
    await ws.prepare(request)
    await ws.send_bytes(b"\x01so far\n")
    assert request.transport is not None
    request.transport.abort()
    return ws


async def _plain(request: web.Request) -> web.Response:
    return web.Response(text="nothing streams here")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    processes = LocalProcesses(attached=["sh", "-c", "echo attached; cat"])
    routes = (
        Route("GET", f"{NAMESPACE}/gone/exec", _vanish),
        Route("GET", f"{NAMESPACE}/plain/exec", _plain),
    )
    with api_server(tmp_path_factory.mktemp("api"), *routes, streams=processes) as served:
        served.put(*(a_running_pod(name) for name in ("web", "gone", "plain")), _two(), _finished())
        selector = {"selector": {"app": "two"}, "ports": [{"port": 80, "targetPort": 8080}]}
        served.put(
            an_object("Service", "svc", spec=selector), an_object("Service", "none", spec={})
        )
        yield served


def _two() -> Json:
    """Two containers, in the Pod of a Service."""
    pod = a_running_pod("two")
    pod["metadata"]["labels"] = {"app": "two"}
    pod["spec"]["containers"].append({"name": "side", "image": "x"})
    status = pod["status"]["containerStatuses"][0]
    pod["status"]["containerStatuses"].append({**status, "name": "side"})
    return pod


def _finished() -> Json:
    pod = a_running_pod("done")
    pod["status"]["phase"] = "Succeeded"
    return pod


@pytest.fixture
def run(
    api: ServedApi, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs a command in this process: exit code, standard output, standard error."""

    def run(*words: str, stdin: bytes | None = None) -> tuple[int, bytes, bytes]:
        command, *rest = words
        inside, outside = os.pipe()
        feeding = threading.Thread(target=_feed, args=(outside, stdin or b""))
        feeding.start()
        with open(inside) as file, monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", file)
            code = main([command, f"--kubeconfig={api.kubeconfig}", *rest])
        feeding.join()
        sys.stdout.flush()
        said = capfdbinary.readouterr()
        return code, said.out, said.err

    return run


def _feed(descriptor: int, data: bytes) -> None:
    with suppress(BrokenPipeError):
        write_all(descriptor, data)
    os.close(descriptor)


@contextmanager
def process(
    api: ServedApi, command: str, *words: str, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    program = [sys.executable, "-m", "minikubelet", command, f"--kubeconfig={api.kubeconfig}"]
    with subprocess.Popen([*program, *words], **options) as started:
        try:
            yield started
        finally:
            started.kill()


# --- exec and attach ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            ["web", "--", "sh", "-c", "echo out; echo err >&2; exit 7"],
            (7, b"out\n", b"err\ncommand terminated with exit code 7\n"),
            id="outputs apart, and the exit code",
        ),
        pytest.param(["pod/web", "--", "true"], (0, b"", b""), id="type and name"),
        pytest.param(
            ["web", "--", "sh", "-c", "kill -9 $$"],
            (137, b"", b"command terminated with exit code 137\n"),
            id="death by a signal",
        ),
        pytest.param(
            ["two", "--", "true"],
            (0, b"", b'Defaulted container "app" out of: app, side\n'),
            id="the first container, and it says so",
        ),
        pytest.param(["two", "-q", "--", "true"], (0, b"", b""), id="quiet"),
        pytest.param(["svc/svc", "-c", "side", "--", "true"], (0, b"", b""), id="by a Service"),
        pytest.param(
            ["svc/none", "--", "true"],
            (
                1,
                b"",
                b"error: cannot choose a Pod of service/none: it is defined without a selector\n",
            ),
            id="a Service without a selector",
        ),
        pytest.param(
            ["web", "-it", "--", "true"],
            (
                0,
                b"",
                b"Unable to use a TTY - input is not a terminal or the right kind of file\n",
            ),
            id="no terminal here",
        ),
        pytest.param(
            ["web", "--", "nosuch"],
            (
                1,
                b"",
                b"error: Internal error occurred: error executing command in container: "
                b'exec: "nosuch": executable file not found in $PATH\n',
            ),
            id="no such program",
        ),
        pytest.param(
            ["web", "-c", "no", "--", "true"],
            (
                1,
                b"",
                b"Error from server (BadRequest): container no is not valid for pod web\n",
            ),
            id="a refusal of the upgrade has the server's words",
        ),
        pytest.param(
            ["nosuch", "--", "true"],
            (1, b"", b'Error from server (NotFound): pods "nosuch" not found\n'),
            id="no such Pod",
        ),
        pytest.param(
            ["done", "--", "true"],
            (
                1,
                b"",
                b"error: cannot exec into a container in a completed pod; current phase is "
                b"Succeeded\n",
            ),
            id="a Pod that has ended",
        ),
        pytest.param(
            ["gone", "--", "true"],
            (1, b"so far\n", b"error: the connection to the server was lost\n"),
            id="the server goes away",
        ),
        pytest.param(
            ["web"],
            (2, b"", b"error: you must specify at least one command for the container\n"),
            id="no command",
        ),
        pytest.param(
            ["web", "date"],
            (
                2,
                b"",
                b"error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- "
                b"[COMMAND] instead\n",
            ),
            id="a command without dashes",
        ),
    ],
)
def test_exec(run: Run, words: list[str], expected: tuple[int, bytes, bytes]) -> None:  # K-76
    assert run("exec", *words) == expected


def test_a_server_that_does_not_stream(run: Run, api: ServedApi) -> None:
    code, _, err = run("exec", "plain", "--", "true")
    assert code == 1
    assert err.startswith(b"error: https://127.0.0.1:")
    assert b"does not stream" in err


def test_input_ends_and_bytes_stay_as_they_are(run: Run) -> None:  # K-68, K-79
    data = random.Random(1).randbytes(BIG)
    code, out, err = run("exec", "web", "-i", "--", "cat", stdin=data)
    assert (code, err, hashlib.sha256(out).digest()) == (0, b"", hashlib.sha256(data).digest())


def test_input_that_the_program_does_not_want(run: Run) -> None:
    assert run("exec", "web", "-i", "--", "true", stdin=bytes(BIG)) == (0, b"", b"")


def test_attach(run: Run) -> None:  # K-77
    hint = b"If you don't see a command prompt, try pressing enter.\n"
    assert run("attach", "web", "-i", stdin=b"hello\n") == (0, b"attached\nhello\n", hint)
    assert run("attach", "web", "-i", "-q", stdin=b"") == (0, b"attached\n", b"")
    code, _, err = run("attach", "web", "-i", "-t", stdin=b"")
    told = b"error: Unable to use a TTY - container app did not allocate one\n"
    assert (code, err) == (0, told + hint)
    code, _, err = run("attach", "web", "-c", "no")
    told = b"error: cannot attach to the container: container no not found in pod web\n"
    assert (code, err) == (1, told)


def _command_of(sleeping: str) -> list[psutil.Process]:
    """Processes of the test server that sleep so long."""
    return [p for p in psutil.Process().children(recursive=True) if sleeping in p.cmdline()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_session_and_its_command(api: ServedApi, number: int) -> None:  # K-78
    sleeping = f"40{number:02}"
    command = ["web", "-i", "--", "sh", "-c", f"echo ready; exec sleep {sleeping}"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with process(api, "exec", *command, **pipes) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"ready\n"
        (program,) = _command_of(sleeping)
        started.send_signal(number)
        assert started.wait(PATIENCE_SECONDS) == 128 + number
        program.wait(PATIENCE_SECONDS)
        assert started.stderr is not None
        assert started.stderr.read() == b""


def test_nobody_reads_what_the_program_writes(api: ServedApi) -> None:
    """The pipe is closed: so is the session, and the program is gone."""
    command = ["web", "--", "sh", "-c", "echo ready; exec yes minikubelet-4099"]
    with process(api, "exec", *command, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"ready\n"
        started.stdout.close()
        assert started.wait(PATIENCE_SECONDS) == 141
    psutil.wait_procs(_command_of("minikubelet-4099"), timeout=PATIENCE_SECONDS)
    assert _command_of("minikubelet-4099") == []


def test_a_reader_that_stands_still_stops_the_program(api: ServedApi, tmp_path: Path) -> None:
    """K-79: what the program could write until it had to wait is bounded, and nothing is lost."""
    counted = tmp_path / "counted"
    script = f"dd if=/dev/zero bs=64k count=640 status=none | tee /dev/stderr 2>{counted} | cat"
    with process(api, "exec", "web", "--", "sh", "-c", script, stdout=subprocess.PIPE) as started:
        written = _standing_still(counted)
        assert 0 < written < 20 * 1024 * 1024
        assert started.stdout is not None
        assert len(started.stdout.read()) == 640 * 65536
        assert started.wait(PATIENCE_SECONDS) == 0


def _standing_still(path: Path) -> int:
    """The size of a file when it has stopped to grow."""
    size, waiting = -1, threading.Event()
    for _ in range(200):
        waiting.wait(0.3)
        now = path.stat().st_size if path.exists() else -1
        if now == size and now > 0:
            return now
        size = now
    raise AssertionError("it goes on growing")


# --- cp -----------------------------------------------------------------------------------------


def test_copying_there_and_back(run: Run, tmp_path: Path) -> None:
    source, there, back = (tmp_path / name for name in ("source", "there", "back"))
    (source / "sub dir").mkdir(parents=True)
    data = random.Random(2).randbytes(BIG)
    (source / "big file").write_bytes(data)
    (source / "sub dir" / "-x").write_text("x")
    (source / "sub dir" / "-x").chmod(0o755)
    (source / "link").symlink_to("big file")
    (source / "away").symlink_to("/etc")
    assert run("cp", str(source), f"web:{there}") == (0, b"", b"")
    code, out, err = run("cp", f"default/web:{there}", str(back))
    assert (code, out) == (0, b"")
    assert err == b"warning: skipping './there/away': 'away' is a link to an absolute path\n"
    assert (back / "big file").read_bytes() == data
    assert os.access(back / "sub dir" / "-x", os.X_OK)
    assert (back / "link").readlink() == Path("big file")
    assert not (back / "away").is_symlink()


def test_copying_into_directories(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "dir").mkdir()
    assert run("cp", str(tmp_path / "a"), f"web:{tmp_path}/dir")[0] == 0
    assert (tmp_path / "dir" / "a").read_text() == "1"
    (tmp_path / "here").mkdir()
    assert run("cp", f"web:{tmp_path}/dir/a", str(tmp_path / "here"))[0] == 0
    assert (tmp_path / "here" / "a").read_text() == "1"
    assert run("cp", f"web:{tmp_path}/dir", str(tmp_path / "here"))[0] == 0
    assert sorted(os.listdir(tmp_path / "here")) == ["a"]


@pytest.mark.parametrize(
    ("words", "code", "err"),
    [
        pytest.param(
            ["web:BASE/nosuch", "BASE/x"],
            2,
            b"command terminated with exit code 2\n",
            id="nothing to copy from",
        ),
        pytest.param(
            ["BASE/nosuch", "web:/tmp"],
            1,
            b"error: BASE/nosuch doesn't exist in local filesystem\n",
            id="nothing to copy",
        ),
        pytest.param(
            ["BASE/file", "web:BASE/no/dir"],
            2,
            b"command terminated with exit code 2\n",
            id="no target",
        ),
        pytest.param(
            ["web:BASE/file", "BASE/file/x"],
            1,
            b"error: BASE/file: file exists\n",
            id="no directory here",
        ),
        pytest.param(
            ["a", "b"],
            2,
            b"error: one of src or dest must be a remote file specification\n",
            id="both here",
        ),
        pytest.param(["a"], 2, b"error: source and destination are required\n", id="one word"),
    ],
)
def test_copies_that_fail(
    run: Run, tmp_path: Path, words: list[str], code: int, err: bytes
) -> None:
    (tmp_path / "file").write_text("1")
    ended, _, said = run("cp", *(word.replace("BASE", str(tmp_path)) for word in words))
    assert ended == code
    assert said.splitlines(keepends=True)[-1] == err.replace(b"BASE", str(tmp_path).encode())


def test_a_container_without_tar(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "file").write_text("1")
    code, _, err = run("cp", str(tmp_path / "file"), f"web:{tmp_path}/copy")
    assert code == 1
    assert err.startswith(b"error: cp needs `tar` in the container, and app of pod web has none: ")


# --- port-forward -------------------------------------------------------------------------------


@pytest.fixture
def echo() -> Iterator[int]:
    """A port that says what it has heard, in capitals, when the other side has said all."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                heard = b"".join(iter(lambda: connection.recv(65536), b""))
                connection.sendall(heard.upper())

        def serve() -> None:
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def forwarding(api: ServedApi, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """The process, and its local ports: each on both addresses."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with process(api, "port-forward", *words, **pipes) as started:
        assert started.stdout is not None
        lines = [started.stdout.readline().decode() for _ in range(2 * (len(words) - 1))]
        yield started, [int(line.split()[2].rpartition(":")[2]) for line in lines[::2]]


def ask(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection:
        sender = threading.Thread(target=_say, args=(connection, data))
        sender.start()
        heard = b"".join(iter(lambda: connection.recv(65536), b""))
        sender.join()
        return heard


def _say(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def test_forwarding(api: ServedApi, echo: int) -> None:  # K-89, K-90
    refused = unused_port()
    with forwarding(api, "web", f":{echo}", f":{refused}") as (started, (port, broken)):
        big = random.Random(3).randbytes(8 * 1024 * 1024)
        assert ask(port, big) == big.upper()
        assert ask(broken, b"x") == b""
        answers: dict[int, bytes] = {}

        def one(number: int) -> None:
            answers[number] = ask(port, b"word %d" % number)

        askers = [threading.Thread(target=one, args=(number,)) for number in range(20)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert answers == {number: b"WORD %d" % number for number in range(20)}
        started.send_signal(signal.SIGINT)
        assert started.wait(PATIENCE_SECONDS) == 130
        assert started.stderr is not None
        told = started.stderr.read().decode()
    assert told.startswith(
        f"error: an error occurred forwarding {broken} -> {refused}: error forwarding port "
        f"{refused} to pod web, uid a-uid: "
    ), told
    assert told.count("\n") == 1


def test_a_connection_that_is_not_read_holds_no_other_up(api: ServedApi, echo: int) -> None:
    with (
        forwarding(api, "web", f":{echo}") as (_, (port,)),
        socket.create_connection(("127.0.0.1", port)) as lazy,
    ):
        _say(lazy, bytes(30 * 1024 * 1024))
        assert ask(port, b"hello") == b"HELLO"


def test_it_ends_with_its_pod(api: ServedApi, echo: int) -> None:
    pod = a_running_pod("short")
    api.put(pod)
    with forwarding(api, "short", f":{echo}") as (started, (port,)):
        api.remove(pod)
        assert ask(port, b"x") == b""
        assert started.wait(PATIENCE_SECONDS) == 1
        assert started.stderr is not None
        assert started.stderr.read().decode().splitlines() == [
            f"error: an error occurred forwarding {port} -> {echo}: "
            'Error from server (NotFound): pods "short" not found',
            "error: lost connection to pod",
        ]


def test_it_ends_with_the_server(tmp_path: Path, echo: int) -> None:
    with api_server(tmp_path, streams=LocalProcesses()) as api:
        api.put(a_running_pod())
        with forwarding(api, "web", f":{echo}") as (started, _):
            api.loop.call_soon_threadsafe(api.ended.set)
            assert started.wait(PATIENCE_SECONDS) == 1
            assert started.stderr is not None
            assert started.stderr.read() == b"error: lost connection to pod\n"


@pytest.mark.parametrize(
    ("words", "code", "err"),
    [
        pytest.param(
            ["done", "80"],
            1,
            b"error: unable to forward port because pod is not running. Current status=Succeeded\n",
            id="a Pod that has ended",
        ),
        pytest.param(
            ["svc/svc", "99"],
            1,
            b"error: Service svc does not have a service port 99\n",
            id="no such port of the Service",
        ),
        pytest.param(
            ["web"],
            2,
            b"error: TYPE/NAME and list of ports are required for port-forward\n",
            id="no port",
        ),
        pytest.param(
            ["web", "TAKEN:80"],
            1,
            b"Unable to listen on port TAKEN: 127.0.0.1: address already in use; ::1: address "
            b"already in use\n"
            b"error: unable to listen on any of the requested ports: [{TAKEN 80}]\n",
            id="a port that is taken",
        ),
    ],
)
def test_what_cannot_be_forwarded(run: Run, words: list[str], code: int, err: bytes) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        number = taken.getsockname()[1]
        with socket.create_server(("127.0.0.1", number)):
            placed = [word.replace("TAKEN", str(number)) for word in words]
            assert run("port-forward", *placed) == (
                code,
                b"",
                err.replace(b"TAKEN", b"%d" % number),
            )
