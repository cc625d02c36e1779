"""SIGKILL of the daemon at any instant loses nothing and starts nothing twice.

Twenty Pods under churn (steady and probed, crash looping, leaving for good, deleted with a preStop
hook), twenty kills at random instants; then each claim of the API is held against what the
containers themselves have written down.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.churn import Churning, is_whole
from tests.daemon_process import DaemonProcess

KILLS = 20
PODS = "/api/v1/namespaces/default/pods"
KINDS = ("steady",) * 6 + ("crashing",) * 6 + ("leaving",) * 4 + ("deleted",) * 4


@pytest.fixture
def base() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="churn-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


@pytest.mark.timeout(240)
def test_twenty_kills_lose_nothing(base: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    crowd = [_churning(base, number, kind) for number, kind in enumerate(KINDS)]
    daemon = DaemonProcess(base / "node")
    daemon.start()
    try:
        for pod in crowd:
            _post(daemon, pod.manifest(sys.executable))
        steady = [pod for pod in crowd if pod.kind == "steady"]
        _wait(lambda: all(_is_ready(_get(daemon, pod)) for pod in steady))
        before = {pod.name: _identity(_get(daemon, pod)) for pod in steady}
        doomed = [pod for pod in crowd if pod.kind == "deleted"]
        for _ in range(KILLS):
            if doomed and chance.random() < 0.4:
                daemon.request("DELETE", f"{PODS}/{doomed.pop().name}")
            time.sleep(chance.random() * 0.4)  # the instant of the kill, not a wait for something
            daemon.kill()
            daemon.start()
        for pod in doomed:
            daemon.request("DELETE", f"{PODS}/{pod.name}")
        _wait(lambda: all(_get(daemon, p) is None for p in crowd if p.kind == "deleted"))
        _wait(
            lambda: all(_phase(_get(daemon, p)) == "Failed" for p in crowd if p.kind == "leaving")
        )
        assert not [pod.name for pod in crowd if "second copy" in pod.truth()]
        assert {pod.name: _identity(_get(daemon, pod)) for pod in steady} == before
        for pod in crowd:
            if pod.kind == "deleted":
                assert pod.truth().count("hook") >= 1, pod.name
                assert (pod.starts(), pod.truth()[-1]) == (1, f"end {pod.code}"), pod.name
            else:
                _check_account(daemon, pod)
    finally:
        daemon.stop_with_pods()


def _churning(base: Path, number: int, kind: str) -> Churning:
    directory = base / f"pod{number}"
    directory.mkdir(mode=0o777)
    return Churning(f"{kind}-{number}", kind, 10 + number, directory)


def _check_account(daemon: DaemonProcess, pod: Churning) -> None:
    """Starts, exit codes, logs and Events as the container itself has noted them."""
    starts = _wait(lambda: _settled(daemon, pod))
    status = _app(_get(daemon, pod))
    assert status["restartCount"] == starts - 1, pod.name
    ended = status["lastState"].get("terminated") or status["state"].get("terminated")
    if pod.kind != "steady":
        assert ended["exitCode"] == pod.code, (pod.name, ended)
    earlier = len(pod.printed()[-1])
    logged = _log(daemon, pod)
    printed = pod.printed()[-1]
    assert all(map(is_whole, logged)), pod.name
    if pod.kind == "steady":
        # It prints on: the line noted last may still be on its way to the log.
        assert (logged, len(logged) >= earlier - 1) == (printed[: len(logged)], True), pod.name
    else:
        assert logged == printed, pod.name
    events = _events(daemon, pod)
    for reason in ("Created", "Started"):
        assert events.get(reason) == starts, (pod.name, events)


def _settled(daemon: DaemonProcess, pod: Churning) -> int | None:
    """The number of starts, once the API and the container agree that nothing is under way: it
    runs steadily, is over, or waits for its back-off."""
    starts = pod.starts()
    state = _app(_get(daemon, pod))["state"]
    at_rest = {
        "steady": "running" in state,
        "leaving": "terminated" in state,
        "crashing": state.get("waiting", {}).get("reason") == "CrashLoopBackOff",
    }
    return starts if at_rest[pod.kind] else None


def _post(daemon: DaemonProcess, document: dict[str, Any]) -> None:
    answer = json.loads(daemon.request("POST", PODS, json.dumps(document).encode()))
    assert answer["kind"] == "Pod", answer


def _get(daemon: DaemonProcess, pod: Churning) -> dict[str, Any] | None:
    answer: dict[str, Any] = json.loads(daemon.request("GET", f"{PODS}/{pod.name}"))
    return answer if answer["kind"] == "Pod" else None


def _app(document: dict[str, Any] | None) -> dict[str, Any]:
    assert document is not None
    status: dict[str, Any] = document["status"]["containerStatuses"][0]
    return status


def _phase(document: dict[str, Any] | None) -> str:
    assert document is not None
    phase: str = document["status"]["phase"]
    return phase


def _is_ready(document: dict[str, Any] | None) -> bool:
    assert document is not None
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in document["status"]["conditions"]
    )


def _identity(document: dict[str, Any] | None) -> object:
    """What must not change: the instance, its start, its readiness and since when."""
    assert document is not None
    status = _app(document)
    ready = next(c for c in document["status"]["conditions"] if c["type"] == "Ready")
    return (
        document["metadata"]["uid"],
        status["containerID"],
        status["state"],
        status["restartCount"],
        status["ready"],
        (ready["status"], ready["lastTransitionTime"]),
    )


def _log(daemon: DaemonProcess, pod: Churning) -> list[str]:
    return daemon.request("GET", f"{PODS}/{pod.name}/log").decode().splitlines()


def _events(daemon: DaemonProcess, pod: Churning) -> dict[str, int]:
    """Counts by reason."""
    selector = f"?fieldSelector=involvedObject.name%3D{pod.name}"
    answer = json.loads(daemon.request("GET", f"/api/v1/namespaces/default/events{selector}"))
    counts: dict[str, int] = {}
    for event in answer["items"]:
        counts[event["reason"]] = counts.get(event["reason"], 0) + event["count"]
    return counts


def _wait(fact: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Ask until there is an answer."""
    give_up_at = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < give_up_at, "it never came"
        time.sleep(0.05)
    return found
