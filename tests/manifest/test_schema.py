"""The table of API fields, and the script that makes it."""

from __future__ import annotations

import json

from minikubelet.manifest.schema import Field, Schema, load_schema
from tests.tools.make_api_fields import compact

SOURCE = {
    "kubernetes": "some release",
    "groupVersions": {"core": "v1", "apps": "apps/v1"},
    "roots": ["core.Thing", "apps.Thing"],
    "enums": {"core.Color": ["Red", "Blue"]},
    "messages": {
        "core.Thing": [
            {"number": 2, "name": "", "type": "core.Inner"},
            {"number": 1, "name": "count", "type": "integer", "shape": "*"},
            {"number": 3, "name": "colors", "type": "string", "shape": "[]",
             "enum": "core.Color", "patchStrategy": "merge"},
        ],
        "core.Inner": [{"number": 1, "name": "uid", "type": "integer"}],
        "apps.Thing": [
            {"number": 1, "name": "things", "type": "core.Thing", "shape": "[]",
             "mergeKey": "uid", "patchStrategy": "merge"},
        ],
    },
}  # fmt: skip


def test_the_compact_form_keeps_everything() -> None:
    schema = Schema(json.loads(compact(SOURCE)))
    count = Field(1, "count", "int32", "*")
    colors = Field(3, "colors", "string", "[]", "core.Color", "", "merge")
    uid = Field(1, "uid", "int64")
    things = Field(1, "things", "core.Thing", "[]", "", "uid", "merge")
    assert schema.kinds == {("v1", "Thing"): "core.Thing", ("apps/v1", "Thing"): "apps.Thing"}
    assert schema.api_versions("Thing") == ("v1", "apps/v1")
    assert schema.enums == SOURCE["enums"]
    assert schema.declared("core.Thing") == (Field(2, "", "core.Inner"), count, colors)
    assert schema.fields("core.Thing") == {"uid": uid, "count": count, "colors": colors}
    assert schema.fields("apps.Thing") == {"things": things}


def test_the_shipped_table_is_whole() -> None:
    """Every message and enumeration that a field names is there."""
    schema = load_schema()
    pending, seen = set(schema.kinds.values()), set[str]()
    while pending:
        message = pending.pop()
        seen.add(message)
        for field in schema.declared(message):
            assert field.enum == "" or schema.enums[field.enum]
            if field.is_message and field.type not in seen:
                pending.add(field.type)
    assert len(seen) > 250


def test_facts_that_others_rely_on() -> None:
    schema = load_schema()
    pod_spec = schema.fields("core.PodSpec")
    assert pod_spec["containers"] == Field(
        2, "containers", "core.Container", "[]", "", "name", "merge"
    )
    assert pod_spec["terminationGracePeriodSeconds"] == Field(
        4, "terminationGracePeriodSeconds", "int64", "*"
    )
    assert pod_spec["terminationGracePeriodSeconds"].is_pointer
    assert schema.fields("core.ContainerPort")["containerPort"].type == "int32"
    assert "httpGet" in schema.fields("core.Probe")
    assert schema.api_versions("CronJob") == ("batch/v1",)
