"""`minikubelet daemon` as users and systemd see it: start, stop, what goes wrong."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.daemon_process import DaemonProcess

PODS = "/api/v1/namespaces/default/pods"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def base() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="daemon-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


def post(daemon: DaemonProcess, name: str, script: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "app", "image": "busybox", "command": ["sh", "-c", script]}
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": [container], **spec},
    }
    answer: dict[str, Any] = json.loads(daemon.request("POST", PODS, json.dumps(document).encode()))
    return answer


def get(daemon: DaemonProcess, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(daemon.request("GET", f"{PODS}/{name}"))
    return answer


def wait_for_phase(daemon: DaemonProcess, name: str, phase: str) -> dict[str, Any]:
    """By a watch, which tells the newest state first."""
    query = f"?watch=true&fieldSelector=metadata.name%3D{name}&timeoutSeconds=20"
    for line in daemon.lines(f"{PODS}{query}"):
        pod: dict[str, Any] = json.loads(line)["object"]
        if pod["status"].get("phase") == phase:
            return pod
    raise AssertionError(f"{name} never was {phase}: {get(daemon, name)['status']}")


def test_asked_to_end_it_leaves_the_pods_and_the_next_one_has_them(base: Path) -> None:
    daemon = DaemonProcess(base / "node")
    daemon.start()
    try:
        post(daemon, "web", "exec sleep 3600")
        before = wait_for_phase(daemon, "web", "Running")["status"]["containerStatuses"]
        assert daemon.terminate() == 0
        assert "ending, Pods go on" in daemon.log.read_text()
        daemon.start()
        assert get(daemon, "web")["status"]["containerStatuses"] == before
    finally:
        daemon.stop_with_pods()


def test_it_stops_the_pods_with_itself_where_that_is_wanted(base: Path) -> None:
    daemon = DaemonProcess(base / "node", "--stop-pods-on-exit")
    daemon.start()
    said = base / "said"
    post(daemon, "web", f"trap 'echo bye > {said}; exit 0' TERM; sleep 3600 & wait")
    wait_for_phase(daemon, "web", "Running")
    assert daemon.terminate() == 0
    assert said.read_text() == "bye\n"
    assert not [p for p in psutil.Process().children(recursive=True) if p.is_running()]


def test_an_init_container_that_ran_when_the_daemon_died_is_not_run_again(base: Path) -> None:
    daemon = DaemonProcess(base / "node")
    daemon.start()
    try:
        runs, gate = base / "runs", base / "gate"
        os.mkfifo(gate)
        script = f"echo run >> {runs}; read line < {gate}"
        init = {"name": "first", "image": "busybox", "command": ["sh", "-c", script]}
        post(daemon, "web", "exec sleep 3600", initContainers=[init])
        with open(gate, "w") as opened:  # the init container reads it now
            daemon.kill()
            daemon.start()
            opened.write("go\n")
        pod = wait_for_phase(daemon, "web", "Running")
        assert runs.read_text() == "run\n"
        assert pod["status"]["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    finally:
        daemon.stop_with_pods()


def test_a_deletion_that_was_under_way_is_finished(base: Path) -> None:
    daemon = DaemonProcess(base / "node")
    daemon.start()
    try:
        gate = base / "gate"
        os.mkfifo(gate)
        post(daemon, "web", f"trap 'read line < {gate}; exit 0' TERM; sleep 3600 & wait")
        wait_for_phase(daemon, "web", "Running")
        daemon.request("DELETE", f"{PODS}/web?gracePeriodSeconds=60")
        with open(gate, "w") as opened:  # it has got TERM
            daemon.kill()
            daemon.start()
            meta = get(daemon, "web")["metadata"]
            assert meta["deletionGracePeriodSeconds"] == 60
            opened.write("go\n")
        since = f"resourceVersion={meta['resourceVersion']}"
        for line in daemon.lines(f"{PODS}?watch=true&timeoutSeconds=20&{since}"):
            if json.loads(line)["type"] == "DELETED":
                break
        assert get(daemon, "web")["reason"] == "NotFound"
    finally:
        daemon.stop_with_pods()


def start_and_fail(*args: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "minikubelet", "daemon", *args],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stderr


def test_a_second_daemon_of_a_state_directory_is_refused(base: Path) -> None:
    daemon = DaemonProcess(base / "node")
    daemon.start()
    try:
        code, said = start_and_fail(f"--state-dir={base / 'node'}", "--listen=127.0.0.1:0")
        assert code == 1
        assert f"another minikubelet daemon (process {daemon.pid}) uses" in said
    finally:
        daemon.stop_with_pods()


def test_a_port_that_is_taken_names_its_holder(base: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        listen = f"--listen=127.0.0.1:{port}"
        code, said = start_and_fail(f"--state-dir={base / 'node'}", listen)
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}: the port is taken by" in said
    assert f"{os.getpid()}" in said
    assert "choose another with --listen" in said


@pytest.mark.parametrize(
    ("args", "text"),
    [
        pytest.param(["--max-pods=none"], "is not a number between 1 and 100000", id="a number"),
        pytest.param(["--listen=7443"], "is not HOST:PORT", id="an address"),
        pytest.param(["--log-dir="], "--log-dir: a path is wanted", id="a path"),
        pytest.param(["--config=/nowhere.yaml"], "there is no file /nowhere.yaml", id="a file"),
        pytest.param(["--images=/nowhere.yaml"], "there is no file /nowhere.yaml", id="images"),
    ],
)
def test_a_wrong_option_is_a_usage_error(args: list[str], text: str, base: Path) -> None:
    code, said = start_and_fail(f"--state-dir={base / 'node'}", *args)
    assert (code, text in said) == (2, True), said


@pytest.mark.parametrize(
    ("option", "text"),
    [
        pytest.param("--kubeconfig=/proc/k", "cannot write the kubeconfig /proc/k: ", id="access"),
        pytest.param("--log-dir=/dev/null", "/dev/null: it is not a directory", id="logs"),
        pytest.param("--runtime-dir=/proc/r", "cannot use /proc/r: ", id="sockets"),
    ],
)
def test_a_place_that_cannot_be_used_is_named(option: str, text: str, base: Path) -> None:
    code, said = start_and_fail(f"--state-dir={base / 'node'}", "--listen=127.0.0.1:0", option)
    assert (code, text in said, "Traceback" in said) == (1, True, False), said


def test_records_of_a_later_version_are_refused_and_kept(base: Path) -> None:
    daemon = DaemonProcess(base / "node")
    daemon.start()
    try:
        post(daemon, "web", "exec sleep 3600")
        before = wait_for_phase(daemon, "web", "Running")["status"]["containerStatuses"]
        assert daemon.terminate() == 0
        for name in ("worker.json", "containers/app/*/start.json"):
            path = next(base.glob(f"node/pods/*/{name}"))
            record = path.read_bytes()
            later = record.replace(b'"format":1', b'"format":2', 1)
            path.write_bytes(later)
            code, said = start_and_fail(f"--state-dir={base / 'node'}", "--listen=127.0.0.1:0")
            assert (code, path.read_bytes()) == (1, later)
            assert f"a newer minikubelet wrote {path} (format 2, this one knows 1)" in said
            path.write_bytes(record)
        daemon.start()
        assert get(daemon, "web")["status"]["containerStatuses"] == before
    finally:
        daemon.stop_with_pods()


@pytest.fixture
def small_disk(base: Path) -> Iterator[Path]:
    directory = base / "disk"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount")
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


def test_a_daemon_starts_on_a_full_disk_and_has_its_pods(small_disk: Path) -> None:
    daemon = DaemonProcess(small_disk / "node")
    daemon.log = small_disk.with_name("log")
    daemon.start()
    try:
        post(daemon, "web", "exec sleep 3600")
        before = wait_for_phase(daemon, "web", "Running")["status"]["containerStatuses"]
        daemon.kill()
        filler = small_disk / "filler"
        free = os.statvfs(small_disk)
        filler.write_bytes(b"x" * free.f_bavail * free.f_frsize)
        daemon.start()
        assert get(daemon, "web")["status"]["containerStatuses"] == before
        assert "the disk is full; free some space" in daemon.log.read_text()
        assert daemon.terminate() == 1
        assert "free some space. What changed since is lost" in daemon.log.read_text()
        filler.unlink()
        daemon.start()
        assert get(daemon, "web")["status"]["containerStatuses"] == before
    finally:
        daemon.stop_with_pods()


def test_a_damaged_database_is_told_and_the_pods_go_on(base: Path) -> None:
    daemon = DaemonProcess(base / "node")
    daemon.start()
    try:
        post(daemon, "web", "exec sleep 3600")
        before = wait_for_phase(daemon, "web", "Running")["status"]["containerStatuses"]
        daemon.kill()
        database = base / "node" / "state.db"
        for path in base.glob("node/state.db*"):
            path.write_bytes(b"\0" * path.stat().st_size)
        daemon.start()
        assert list(database.parent.glob("state.db.damaged-*"))
        assert "damaged" in daemon.log.read_text()
        assert get(daemon, "web")["status"]["containerStatuses"] == before
    finally:
        daemon.stop_with_pods()


def test_a_container_whose_records_were_removed_does_not_run_beside_its_next_one(
    base: Path,
) -> None:
    daemon = DaemonProcess(base / "node")
    daemon.start()
    try:
        uid = post(daemon, "web", "exec sleep 3600")["metadata"]["uid"]
        wait_for_phase(daemon, "web", "Running")
        daemon.kill()
        first = processes_of(base)
        assert [process.name() for process in first] == ["sleep"]
        shim = first[0].parent()
        assert shim is not None
        shutil.rmtree(base / "node" / "pods" / uid)
        daemon.start()
        wait_for_phase(daemon, "web", "Running")
        assert psutil.wait_procs([*first, shim], timeout=10)[1] == []
        assert len(processes_of(base)) == 1
        assert "it was removed; what ran there was killed" in daemon.log.read_text()
    finally:
        daemon.stop_with_pods()


def processes_of(base: Path) -> list[psutil.Process]:
    """Of the containers below a directory."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(base) in process.environ().get("MINIKUBELET_TERMINATION_LOG", ""):
                found.append(process)
    return found


def test_systemd_is_told(base: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(base / "notify"))
        systemd.settimeout(10)
        env = {**os.environ, "NOTIFY_SOCKET": str(base / "notify")}
        daemon = DaemonProcess(base / "node", env=env)
        daemon.start()
        ready = systemd.recv(1000).decode()
        assert ready.startswith("READY=1\nSTATUS=0 Pods, API at https://127.0.0.1:")
        assert daemon.terminate() == 0
        assert systemd.recv(1000) == b"STOPPING=1\nSTATUS=ending, Pods go on"


def test_an_interrupt_from_the_terminal_ends_it_as_well(base: Path) -> None:
    daemon = DaemonProcess(base / "node")
    daemon.start()
    assert daemon.terminate(number=signal.SIGINT) == 0
