"""Records as JSON objects: they come back as they went, from other versions as far as possible."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from minikubelet.journal import ContainerStarted, PodAccepted, PodRef, Record
from minikubelet.journal_json import record_from_json, record_to_json
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind

AT = datetime(2026, 1, 1, 12, 0, 0, 5000, tzinfo=UTC)
POD = PodRef("default", "web", "0a1b")

FULL: dict[object, object] = {
    str: "über\n",
    int: 7,
    bool: False,
    float: 0.25,
    datetime: AT,
    PodRef: POD,
    ProbeKind: ProbeKind.STARTUP,
    KillCause: KillCause.LIVENESS,
    tuple[str, ...]: ("a", "b"),
    int | None: 9,
    KillCause | None: KillCause.DELETED,
}
EMPTY = FULL | {str: "", tuple[str, ...]: (), int | None: None, KillCause | None: None}
RECORD_TYPES = list({kind.__name__: kind for kind in Record.__subclasses__()}.values())
"""By name, since a dataclass with slots replaces the class that was written down."""


def a_record(kind: type[Record], values: dict[object, object]) -> Record:
    hints = typing.get_type_hints(kind)
    fields: dict[str, Any] = {f.name: values[hints[f.name]] for f in dataclasses.fields(kind)}
    return kind(**fields)


@pytest.mark.parametrize("values", [FULL, EMPTY], ids=["full", "empty"])
@pytest.mark.parametrize("kind", RECORD_TYPES, ids=lambda kind: kind.__name__)
def test_a_record_comes_back_as_it_went(kind: type[Record], values: dict[object, object]) -> None:
    record, skipped = a_record(kind, values), Counter[str]()
    document = json.loads(json.dumps(record_to_json(record)))
    assert record_from_json(document, skipped) == record
    assert not skipped


def test_what_a_later_version_added_is_left_out_and_counted() -> None:
    skipped = Counter[str]()
    record = PodAccepted(at=AT, pod=POD)
    assert record_from_json(record_to_json(record) | {"mood": "good"}, skipped) == record
    assert record_from_json({"record": "PodPraised", "at": "never"}, skipped) is None
    assert skipped == {"PodAccepted.mood": 1, "PodPraised": 1}


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"at": "yesterday"}, id="a time that is none"),
        pytest.param({"at": 5}, id="a time that is a number"),
        pytest.param({"pod": {"name": "web"}}, id="half a pod"),
        pytest.param({"pid": "7"}, id="a text for a number"),
        pytest.param({"pid": True}, id="a truth value for a number"),
    ],
)
def test_a_damaged_record_is_left_out_and_counted(damage: dict[str, Any]) -> None:
    skipped = Counter[str]()
    whole = record_to_json(
        ContainerStarted(at=AT, pod=POD, container_id="process://5f", restart_count=0, pid=7)
    )
    assert record_from_json(whole | damage, skipped) is None
    del whole["pid"]
    assert record_from_json(whole, skipped) is None
    assert skipped == {"ContainerStarted (damaged)": 2}
