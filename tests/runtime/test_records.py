"""Records as readers see them: whole, or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from minikubelet.runtime.records import (
    ExitRecord,
    ResourceUsage,
    StartRecord,
    read_exit_record,
    read_launch,
    read_start_record,
)
from minikubelet.runtime.shim.records import encode_record, write_record
from tests.runtime.harness import Harness, a_harness, eventually

START: dict[str, Any] = {
    "format": 1,
    "container_id": "process://ab",
    "pid": 11,
    "start_time": 12,
    "boot_id": "b",
    "shim_pid": 13,
    "shim_start_time": 14,
    "created_at": 15,
    "started_at": 16,
    "started_monotonic": 17.5,
}
EXIT: dict[str, Any] = {
    "format": 1,
    "container_id": "process://ab",
    "exit_code": 137,
    "signal": 9,
    "reason_hint": "oom",
    "finished_at": 1,
    "finished_monotonic": 2,
    "boot_id": "b",
    "message": "bye",
    "survivors": ["12 sleep"],
    "term_at": 3,
    "kill_at": None,
    "rusage": {"user_seconds": 0.5, "system_seconds": 1, "max_rss_kilobytes": 2},
    "lost_log_bytes": 0,
}


def test_a_start_record(tmp_path: Path) -> None:
    (tmp_path / "start.json").write_text(json.dumps(START))
    assert read_start_record(tmp_path) == StartRecord(
        container_id="process://ab",
        pid=11,
        start_time=12,
        boot_id="b",
        shim_pid=13,
        shim_start_time=14,
        created_at=15,
        started_at=16,
        started_monotonic=17.5,
    )


def test_an_exit_record(tmp_path: Path) -> None:
    (tmp_path / "exit.json").write_text(json.dumps(EXIT))
    assert read_exit_record(tmp_path) == ExitRecord(
        container_id="process://ab",
        exit_code=137,
        signal=9,
        reason_hint="oom",
        finished_at=1,
        finished_monotonic=2,
        boot_id="b",
        message="bye",
        survivors=("12 sleep",),
        term_at=3,
        kill_at=None,
        rusage=ResourceUsage(user_seconds=0.5, system_seconds=1, max_rss_kilobytes=2),
        lost_log_bytes=0,
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty, as after a loss of power"),
        pytest.param(json.dumps(EXIT)[:50], id="torn"),
        pytest.param("[]", id="not an object"),
        pytest.param(json.dumps({**EXIT, "format": 2}), id="of a later format"),
        pytest.param(json.dumps({**EXIT, "exit_code": "137"}), id="mistyped"),
        pytest.param(json.dumps({**EXIT, "rusage": None}), id="without usage"),
        pytest.param(json.dumps({**EXIT, "rusage": {}}), id="with empty usage"),
        pytest.param("\ufffd", id="not JSON"),
    ],
)
def test_a_record_that_is_none(text: str, tmp_path: Path) -> None:
    for name in ("launch.json", "start.json", "exit.json"):
        (tmp_path / name).write_text(text)
    assert read_exit_record(tmp_path) is None
    assert read_start_record(tmp_path) is None


def test_no_records(tmp_path: Path) -> None:
    found = (read_launch(tmp_path), read_start_record(tmp_path), read_exit_record(tmp_path))
    assert found == (None, None, None)


@pytest.mark.parametrize("durable", [False, True])
def test_a_record_replaces_another_at_one_stroke(durable: bool, tmp_path: Path) -> None:
    for number in (1, 2):
        write_record(str(tmp_path), "r.json", encode_record({"n": number}), durable=durable)
        assert json.loads((tmp_path / "r.json").read_text()) == {"format": 1, "n": number}
    assert os.listdir(tmp_path) == ["r.json"]


async def test_an_exit_is_told_and_kept_when_the_disk_is_full(tmp_path: Path) -> None:
    async with a_harness(tmp_path, leave=True) as first:
        spec = await first.start(("sh", "-c", "echo ready; read line"), stdin=True)
        await first.logged(spec, "ready")
        path = Path(spec.instance_dir)
        obstacle = path / "exit.json.tmp"
        obstacle.mkdir()  # nobody can write there, not even root
        first.runtime.stop(spec.container_id, 20)
        assert (await first.exit_of(spec)).exit_code == 143
    async with a_harness(tmp_path) as second:
        adopted = await second.adopt(path)
        assert adopted.alive
        assert (await second.exit_of(spec)).exit_code == 143
        obstacle.rmdir()
        await eventually(lambda: read_exit_record(path) is not None, "the exit is recorded")
        assert [event.container_id for event in second.events] == [spec.container_id]


async def test_readers_never_see_a_part_of_a_record(harness: Harness) -> None:
    specs = [await harness.start(("true",)) for _ in range(20)]
    for spec in specs:
        record = await harness.exit_of(spec)
        assert read_exit_record(Path(spec.instance_dir)) == record
