"""The objects of `-o json`, and that they are what the schema says."""

from __future__ import annotations

import json
import os
import re
from importlib import resources
from typing import Any

import pytest

from minikubelet.cli.output import PodSummary
from minikubelet.cli.output_json import JsonOutput
from minikubelet.journal import ConditionChanged, Record
from minikubelet.kill_cause import KillCause
from minikubelet.pod.pod_status import ContainerStatus, PodPhase, PodStatus, Terminated
from tests.cli.records import (
    BEGAN,
    WEB,
    a_kill,
    a_line,
    a_probe,
    a_start,
    an_event,
    an_exit,
    at,
)

POD = {"namespace": "default", "name": "web", "uid": "1"}
TIME = "2026-01-01T12:00:00.000Z"
SCHEMA = json.loads(
    resources.files("minikubelet.cli").joinpath("run_output.schema.json").read_text("utf-8")
)
_TYPES: dict[str, type] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
}


def problems(value: Any, schema: dict[str, Any], where: str = "$") -> list[str]:
    """What of `value` is not as `schema` says; for the keywords that our schema uses. Stricter than
    JSON Schema in one point: a property that is not described is a problem."""
    found: list[str] = []
    for keyword, rule in schema.items():
        match keyword:
            case "$ref":
                found += problems(value, SCHEMA["$defs"][rule.removeprefix("#/$defs/")], where)
            case "oneOf":
                fitting = [one for one in rule if not problems(value, one, where)]
                found += [] if len(fitting) == 1 else [f"{where}: fits {len(fitting)} of oneOf"]
            case "type":
                found += [] if type(value) is _TYPES[rule] else [f"{where}: not {rule}"]
            case "const":
                found += [] if value == rule else [f"{where}: not {rule!r}"]
            case "enum":
                found += [] if value in rule else [f"{where}: {value!r} is none of {rule}"]
            case "minimum":
                found += [] if value >= rule else [f"{where}: below {rule}"]
            case "maximum":
                found += [] if value <= rule else [f"{where}: above {rule}"]
            case "format":
                found += [] if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value) else [where]
            case "required":
                found += [f"{where}.{name}: missing" for name in rule if name not in value]
            case "items":
                for index, item in enumerate(value):
                    found += problems(item, rule, f"{where}[{index}]")
            case "properties":
                found += [f"{where}.{name}: not described" for name in value.keys() - rule.keys()]
                for name in value.keys() & rule.keys():
                    found += problems(value[name], rule[name], f"{where}.{name}")
            case "$schema" | "$defs" | "title" | "description":
                pass
            case _:
                pytest.fail(f"the schema uses {keyword}, which this check does not know")
    return found


@pytest.fixture
def said() -> Any:
    """Calls a method of a JsonOutput and gives the objects that it wrote."""

    def call(name: str, *args: Any, **options: Any) -> list[dict[str, Any]]:
        read, write = os.pipe()
        with open(read, encoding="utf-8") as lines:
            getattr(JsonOutput(write, now=lambda: BEGAN), name)(*args, **options)
            os.close(write)
            found = [json.loads(line) for line in lines]
        assert [problems(value, SCHEMA) for value in found] == [[]] * len(found)
        return found

    return call


def test_log_lines(said: Any) -> None:
    entries = [a_line("grüße".encode()), a_line(b"\xff!", "stderr"), a_line(b">", partial=True)]
    line = {
        "type": "log",
        "time": "2026-01-01T12:00:00.123456789Z",
        "pod": POD,
        "container": "app",
        "stream": "stdout",
    }
    assert said("log_lines", WEB, "app", entries) == [
        {**line, "text": "grüße"},
        {**line, "stream": "stderr", "text": "\ufffd!", "base64": "/yE="},
        {**line, "text": ">", "partial": True},
    ]


def test_a_replacement_character_of_the_container_itself_is_text(said: Any) -> None:
    (line,) = said("log_lines", WEB, "app", [a_line("\ufffd".encode())])
    assert line["text"] == "\ufffd"
    assert "base64" not in line


def test_an_event(said: Any) -> None:
    event = an_event("Unhealthy", "no", 2, field_path="spec.containers{app}", seconds=7)
    assert said("event", event) == [
        {
            "type": "event",
            "time": "2026-01-01T12:00:07.000Z",
            "pod": POD,
            "eventType": "Warning",
            "reason": "Unhealthy",
            "message": "no",
            "count": 2,
            "firstTimestamp": TIME,
            "name": "web.18",
            "fieldPath": "spec.containers{app}",
        }
    ]


def test_a_record(said: Any) -> None:
    assert said("record", a_start(1.5)) == [
        {
            "type": "record",
            "time": "2026-01-01T12:00:01.500Z",
            "pod": POD,
            "container": "app",
            "record": "ContainerStarted",
            "data": {
                "fieldPath": "spec.containers{app}",
                "containerID": "process://" + "5f" * 32,
                "restartCount": 0,
                "pid": 7,
            },
        }
    ]


def test_a_record_with_a_type_of_its_own(said: Any) -> None:
    record = ConditionChanged(at=BEGAN, pod=WEB, type="Ready", status="True")
    assert said("record", record) == [
        {
            "type": "record",
            "time": TIME,
            "pod": POD,
            "record": "ConditionChanged",
            "data": {"type": "Ready", "status": "True"},
        }
    ]


@pytest.mark.parametrize(
    "record",
    [
        a_probe("failure", output="x"),
        a_kill(KillCause.LIVENESS),
        an_exit(137, KillCause.LIVENESS, signal=9, survivors=("12 sleep",)),
    ],
    ids=lambda record: type(record).__name__,
)
def test_records_fit_the_schema(said: Any, record: Record) -> None:
    assert [value["record"] for value in said("record", record)] == [type(record).__name__]


def test_the_schema_knows_every_record() -> None:
    records = {kind.__name__ for kind in Record.__subclasses__()}
    assert set(SCHEMA["$defs"]["record"]["properties"]["record"]["enum"]) == records


def test_notices(said: Any) -> None:
    assert said("notice", "stopping") == [{"type": "status", "time": TIME, "message": "stopping"}]
    assert said("notice", "killing", warning=True) == [
        {"type": "warning", "time": TIME, "message": "killing"}
    ]


def test_lost_log_lines(said: Any) -> None:
    assert said("log_lost", WEB, "app") == [
        {
            "type": "warning",
            "time": TIME,
            "message": "log lines were rotated away before they could be told",
            "pod": POD,
            "container": "app",
        }
    ]


def test_the_summary(said: Any) -> None:
    ended = Terminated(137, "Error", "bye", finished_at=at(9))
    status = PodStatus(
        phase=PodPhase.FAILED,
        reason="DeadlineExceeded",
        message="too long",
        init_container_statuses=(
            ContainerStatus("migrate", Terminated(0, "Completed"), ready=True),
        ),
        container_statuses=(ContainerStatus("app", ended, restart_count=2),),
    )
    summary = PodSummary(WEB, status, {"app": "liveness probe failed"})
    assert said("summary", [summary], "failed: default/web") == [
        {
            "type": "summary",
            "time": TIME,
            "verdict": "failed: default/web",
            "pods": [
                {
                    "pod": POD,
                    "phase": "Failed",
                    "reason": "DeadlineExceeded",
                    "message": "too long",
                    "containers": [
                        {
                            "name": "migrate",
                            "init": True,
                            "state": "Completed",
                            "ready": True,
                            "restartCount": 0,
                            "lastExit": {"exitCode": 0, "reason": "Completed"},
                        },
                        {
                            "name": "app",
                            "init": False,
                            "state": "Error",
                            "ready": False,
                            "restartCount": 2,
                            "lastExit": {
                                "exitCode": 137,
                                "reason": "Error",
                                "message": "bye",
                                "cause": "liveness probe failed",
                            },
                        },
                    ],
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param({"type": "status", "time": TIME}, 1, id="a field is missing"),
        pytest.param({"type": "nonsense", "time": TIME, "message": ""}, 1, id="no such type"),
        pytest.param(
            {"type": "status", "time": TIME, "message": "", "more": 1}, 1, id="not described"
        ),
    ],
)
def test_the_check_of_this_test_finds_problems(value: dict[str, Any], found: int) -> None:
    assert len(problems(value, SCHEMA)) == found
