"""Real daemons that are killed, over real processes."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from minikubelet.node.pod_keeper import POD_FILE, WORKER_FILE
from minikubelet.node.recovery import Recovered, recover_pods
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.processes import ProcessRuntime
from tests.node.node_process import a_document, a_node
from tests.runtime.harness import eventually

SH = ("sh", "-c")


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def work_dir(root: Path) -> Path:
    """Of the one container."""
    return next(root.glob("s/pods/*/containers/app/work"))


def has_ended(root: Path) -> bool:
    return any(root.glob("s/pods/*/containers/*/*/exit.json"))


def damage(root: Path, name: str) -> None:
    """As a power failure might."""
    path = next(root.glob(f"s/pods/*/{name}"))
    path.write_bytes(path.read_bytes()[:-40])


def until_exists(path: Path) -> str:
    return f"while [ ! -e {path} ]; do sleep 0.01; done"


async def test_a_container_and_its_readiness_go_on(tmp_path: Path) -> None:  # P-171, P-172
    ready = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    pod = a_document(*SH, "echo started >> log; sleep 1000", readinessProbe=ready)
    async with a_node(tmp_path, pod) as node:
        first = await node.until_state("running", ready=True)
    async with a_node(tmp_path, pod) as node:
        second = await node.until_state("running")
        assert second == first
        await node.delete(0)
        await node.until_finished()
    assert lines(work_dir(tmp_path) / "log") == ["started"]


async def test_what_is_no_pod_is_let_be(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "s", tmp_path / "l", tmp_path / "r")
    layout.prepare()
    (tmp_path / "s" / "pods" / "notes.txt").write_text("somebody's")
    (tmp_path / "s" / "pods" / "empty").mkdir()
    runtime = ProcessRuntime(die_with_owner=False, on_event=lambda event: None)
    assert await recover_pods(layout, runtime) == Recovered((), (), ())


async def test_what_ended_without_a_daemon_is_told_by_the_next(tmp_path: Path) -> None:
    pod = a_document(*SH, "while [ ! -e go ]; do sleep 0.01; done; rm go; exit 7")
    async with a_node(tmp_path, pod) as node:
        before = await node.until_state("running", restartCount=0)
    (work_dir(tmp_path) / "go").touch()
    await eventually(lambda: has_ended(tmp_path), "it ended")
    async with a_node(tmp_path, pod) as node:
        after = await node.until_state("running", restartCount=1)
        assert after["lastState"]["terminated"]["exitCode"] == 7
        assert after["lastState"]["terminated"]["containerID"] == before["containerID"]
        await node.delete(0)
        await node.until_finished()


async def test_a_hook_runs_once_though_its_daemon_is_killed(tmp_path: Path) -> None:  # L-185
    log = tmp_path / "hook"
    hook = f"echo begin >> {log}; {until_exists(tmp_path / 'go')}; echo end >> {log}"
    pod = a_document("sleep", "1000", lifecycle={"postStart": {"exec": {"command": [*SH, hook]}}})
    async with a_node(tmp_path, pod) as node:
        await node.until(lambda line: "status" in line)
        await eventually(lambda: lines(log) == ["begin"], "the hook began")
    async with a_node(tmp_path, pod) as node:
        await node.until(lambda line: "status" in line)
        (tmp_path / "go").touch()
        await node.until_state("running", ready=True)
        assert lines(log) == ["begin", "end"]
        await node.delete(0)
        await node.until_finished()


async def test_a_graceful_deletion_is_finished_by_the_next(tmp_path: Path) -> None:  # L-238
    log = tmp_path / "log"
    hook = f"echo drain >> {log}; {until_exists(tmp_path / 'go')}; echo drained >> {log}"
    app = f"trap 'echo term >> {log}; exit 0' TERM; echo up >> {log}; while :; do sleep 0.01; done"
    pod = a_document(*SH, app, lifecycle={"preStop": {"exec": {"command": [*SH, hook]}}})
    async with a_node(tmp_path, pod) as node:
        await node.until_state("running")
        await eventually(lambda: lines(log) == ["up"], "it runs")
        await node.delete(30)
        await eventually(lambda: lines(log) == ["up", "drain"], "the hook began")
    async with a_node(tmp_path, pod) as node:
        await node.until(lambda line: "status" in line)
        (tmp_path / "go").touch()
        ended = await node.until_state("terminated")
        await node.until_finished()
    assert ended["state"]["terminated"]["exitCode"] == 0
    assert lines(log) == ["up", "drain", "drained", "term"]
    async with a_node(tmp_path, pod) as node:  # L-83, L-270
        await node.until_finished()
        assert "up" not in lines(log)[1:]


async def test_damaged_records_cost_no_second_copy(tmp_path: Path) -> None:
    pod = a_document(*SH, "echo started >> log; sleep 1000")
    async with a_node(tmp_path, pod) as node:
        first = await node.until_state("running")
    for name in (WORKER_FILE, POD_FILE):
        damage(tmp_path, name)
    async with a_node(tmp_path, pod) as node:
        found = await node.until(lambda line: "recovered" in line)
        assert sorted(found["damaged"]) == [POD_FILE, WORKER_FILE]
        second = await node.until_state("running")
        assert second["containerID"] == first["containerID"]
        await node.delete(0)
        await node.until_finished()
    assert lines(work_dir(tmp_path) / "log") == ["started"]


async def test_killed_at_random_there_is_never_a_second_copy(tmp_path: Path) -> None:
    """Each start takes a lock that one instance at a time can hold."""
    log, rng = tmp_path / "log", random.Random(7)
    pods = [
        a_document(
            *SH,
            f"exec 9>{tmp_path}/lock{n}; flock -n 9 || echo second >> {log}; "
            f"echo start >> {log}; sleep 0.05; exit 3",
            name=f"p{n}",
        )
        for n in range(3)
    ]
    for _ in range(4):
        async with a_node(tmp_path, *pods) as node:
            await node.until(lambda line: "status" in line)
            await asyncio.sleep(rng.uniform(0, 0.15))
    async with a_node(tmp_path, *pods) as node:
        await node.delete(0)
        for _ in pods:
            await node.until_finished()
    assert "second" not in lines(log)
    assert lines(log).count("start") >= len(pods)
