"""Records of workers on disk: whole or refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.node.pod_keeper import (
    POD_FILE,
    WORKER_FILE,
    DiskKeeper,
    LaterFormatError,
    RecordError,
    read_pod,
    read_worker,
)
from minikubelet.node.pod_record import (
    HookNote,
    KeptBackOff,
    KeptStop,
    KeptVerdict,
    PodRecord,
)
from minikubelet.node.stop_request import StopRequest
from minikubelet.pod.observed import ContainerRun, RunState, StartFailure, Verdict
from minikubelet.pod.pod_status import (
    ContainerStatus,
    PodCondition,
    PodPhase,
    PodStatus,
    QOSClass,
    Running,
    Terminated,
    Waiting,
)
from minikubelet.pod.restarts import BackOffEntry
from minikubelet.pod.status import StatusOverride
from minikubelet.runtime.layout import Layout

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
FULL = PodRecord(
    uid="u1",
    boot_id="boot",
    accepted=True,
    began=1.5,
    status=PodStatus(
        phase=PodPhase.RUNNING,
        conditions=(PodCondition("Ready", "True", last_transition_time=NOW),),
        init_container_statuses=(ContainerStatus("i", Terminated(0, "Completed")),),
        container_statuses=(
            ContainerStatus("a", Running(NOW), Terminated(1), ready=True, restart_count=3),
            ContainerStatus("b", Waiting("CrashLoopBackOff", "ä\udcff")),
        ),
        start_time=NOW,
        qos_class=QOSClass.BURSTABLE,
    ),
    runs=(
        ContainerRun(
            "process://1", "a", 3, RunState.EXITED, NOW, killed_for=KillCause.LIVENESS, exit_code=0
        ),
    ),
    environment_names={"process://1": ("A", "B")},
    verdicts=(KeptVerdict(ProbeKind.READINESS, "process://1", Verdict.SUCCESS),),
    start_failures={"b": StartFailure("ErrImagePull", "no", 7.5)},
    back_off={"a": KeptBackOff("key", BackOffEntry(20.0, 3.0))},
    before_attempts={"a": None, "b": KeptBackOff("key", BackOffEntry(10.0, 2.0))},
    pulls={"b": BackOffEntry(10.0, 1.0)},
    restart_counts={"a": 4},
    holds_told=("process://1",),
    post_start={"process://1": HookNote(2.0)},
    stops=(
        KeptStop(
            "process://1", KillCause.DELETED, "Stopping", 30.0, 4.0, pre_stop=HookNote(4.0, True)
        ),
    ),
    stop_request=StopRequest(
        KillCause.EVICTED, 1.0, StatusOverride(PodPhase.FAILED, "Evicted", "why")
    ),
    stop_asked=4.0,
    sandbox_ready=False,
    terminated=True,
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "s", tmp_path / "l", tmp_path / "r")


@pytest.mark.parametrize("record", [FULL, PodRecord(uid="u1")], ids=["full", "empty"])
def test_a_record_comes_back_as_it_was(layout: Layout, record: PodRecord) -> None:
    DiskKeeper(layout).save(record)
    assert read_worker(layout.pod_dir("u1")) == record


def test_a_pod_comes_back_with_its_source(layout: Layout) -> None:
    DiskKeeper(layout).save_pod("u1", {"metadata": {"name": "ä"}}, "file")
    assert read_pod(layout.pod_dir("u1")) == ({"metadata": {"name": "ä"}}, "file")
    assert (layout.pod_dir("u1") / POD_FILE).stat().st_mode & 0o777 == 0o600


def test_each_torn_record_is_noticed(layout: Layout) -> None:
    DiskKeeper(layout).save(FULL)
    path = layout.pod_dir("u1") / WORKER_FILE
    data = path.read_bytes()
    for length in range(0, len(data) - 1, 37):
        for torn in (data[:length], data[:length] + b"\0" * (len(data) - length)):
            path.write_bytes(torn)
            with pytest.raises(RecordError):
                read_worker(path.parent)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        pytest.param({"format": 0}, "its format is 0, not 1", id="an earlier format"),
        pytest.param({"worker": {"uid": 1}}, "1 is not <class 'str'>", id="a wrong type"),
        pytest.param({"worker": {}}, "missing", id="nothing in it"),
    ],
)
def test_what_does_not_fit_is_refused(layout: Layout, members: dict[str, object], why: str) -> None:
    DiskKeeper(layout).save(FULL)
    path = layout.pod_dir("u1") / WORKER_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | members))
    with pytest.raises(RecordError, match=why):
        read_worker(path.parent)


def test_what_a_later_version_wrote_is_not_taken_for_damage(layout: Layout) -> None:
    DiskKeeper(layout).save(FULL)
    path = layout.pod_dir("u1") / WORKER_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(LaterFormatError):
        read_worker(path.parent)


def test_members_of_a_later_version_are_passed_over(layout: Layout) -> None:
    DiskKeeper(layout).save(FULL)
    path = layout.pod_dir("u1") / WORKER_FILE
    document = json.loads(path.read_text())
    document["worker"]["news"] = {"a": [1]}
    document["worker"]["runs"][0]["news"] = 1
    path.write_text(json.dumps(document))
    assert read_worker(path.parent) == FULL


def test_a_missing_record_is_no_damage(layout: Layout) -> None:
    with pytest.raises(FileNotFoundError):
        read_worker(layout.pod_dir("u1"))
