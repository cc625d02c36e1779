"""Server-side apply: what it merges, takes away and refuses (K-40)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from minikubelet.store.patch import (
    ApplyConflict,
    FieldConflict,
    PatchError,
    record_update,
    server_side_apply,
)

Json = dict[str, Any]
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def a_pod(*containers: Json, labels: Json | None = None, **spec: Any) -> Json:
    metadata: Json = {"name": "p", "namespace": "default"}
    if labels is not None:
        metadata["labels"] = labels
    if containers:
        spec["containers"] = list(containers)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
    } | ({"spec": spec} if spec else {})


def app(**fields: Any) -> Json:
    return {"name": "app", **fields}


def apply(
    live: Json | None, applied: Json, manager: str = "one", *, force: bool = False, now: str = LATE
) -> Json:
    before = copy.deepcopy((live, applied))
    message = f"core.{applied['kind']}"
    result = server_side_apply(
        live, applied, manager=manager, force=force, message=message, now=now
    )
    assert (live, applied) == before
    return result


def applied_by(*steps: tuple[str, Json]) -> Json:
    live: Json | None = None
    for manager, document in steps:
        live = apply(live, document, manager, force=True, now=EARLY)
    assert live is not None
    return live


def update(before: Json, manager: str = "kubectl-edit", **spec: Any) -> Json:
    after = copy.deepcopy(before)
    after["spec"] |= spec
    return record_update(before, after, manager=manager, message="core.Pod", now=LATE)


def owned(document: Json, manager: str) -> Json | None:
    entries = document["metadata"].get("managedFields", [])
    return next((e["fieldsV1"] for e in entries if e["manager"] == manager), None)


def bare(document: Json) -> Json:
    """Without its managedFields."""
    metadata = {k: v for k, v in document["metadata"].items() if k != "managedFields"}
    return document | {"metadata": metadata}


def test_creation_notes_each_field_as_fields_v1() -> None:
    document = a_pod(
        app(image="i", args=["x"], ports=[{"containerPort": 80}]),
        labels={"a": "1"},
        volumes=[{"name": "v", "emptyDir": {}}],
    )
    document["metadata"]["finalizers"] = ["f/x"]
    created = apply(None, document)
    assert bare(created) == document
    assert created["metadata"]["managedFields"] == [
        {
            "manager": "one",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": LATE,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:finalizers": {'v:"f/x"': {}}, "f:labels": {"f:a": {}}},
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"app"}': {
                            ".": {},
                            "f:args": {},
                            "f:image": {},
                            "f:name": {},
                            "f:ports": {
                                'k:{"containerPort":80,"protocol":"TCP"}': {
                                    ".": {},
                                    "f:containerPort": {},
                                }
                            },
                        }
                    },
                    "f:volumes": {
                        'k:{"name":"v"}': {".": {}, "f:emptyDir": {}, "f:name": {}},
                    },
                },
            },
        }
    ]


def test_applying_again_changes_nothing_at_all() -> None:
    document = a_pod(app(image="i"), labels={"a": "1"})
    live = applied_by(("one", document), ("two", a_pod(labels={"b": "2"})))
    live["spec"]["restartPolicy"] = "Always"
    assert apply(live, document) == live


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        pytest.param(
            a_pod(app(image="i"), labels={"a": "1", "b": "2"}),
            a_pod(app(image="i"), labels={"a": "1"}),
            a_pod(app(image="i"), labels={"a": "1"}),
            id="a label",
        ),
        pytest.param(
            a_pod(app(image="i"), labels={"a": "1"}),
            a_pod(app(image="i")),
            a_pod(app(image="i")),
            id="the last label with its map",
        ),
        pytest.param(
            a_pod(app(image="i"), {"name": "side", "image": "s"}),
            a_pod(app(image="i")),
            a_pod(app(image="i")),
            id="a container",
        ),
        pytest.param(
            a_pod(app(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])),
            a_pod(app(env=[{"name": "B", "value": "2"}])),
            a_pod(app(env=[{"name": "B", "value": "2"}])),
            id="a variable",
        ),
        pytest.param(
            a_pod(app(args=["a", "b"])),
            a_pod(app(args=["c"])),
            a_pod(app(args=["c"])),
            id="an item of a list that is owned whole",
        ),
        pytest.param(
            a_pod(app(), activeDeadlineSeconds=5),
            a_pod(app()),
            a_pod(app()),
            id="a plain field",
        ),
    ],
)
def test_what_a_manager_applies_no_more_goes(first: Json, second: Json, result: Json) -> None:
    assert bare(apply(applied_by(("one", first)), second)) == result


def test_defaults_go_with_the_optional_object_that_they_were_filled_into() -> None:
    probed = a_pod(
        app(livenessProbe={"exec": {"command": ["x"]}}, resources={"limits": {"cpu": "1"}})
    )
    live = applied_by(("one", probed))
    container = live["spec"]["containers"][0]
    container["livenessProbe"]["periodSeconds"] = 10
    container["resources"]["requests"] = {"cpu": "1"}
    live["spec"]["restartPolicy"] = "Always"
    after = bare(apply(live, a_pod(app())))
    assert after["spec"] == {
        "containers": [app(resources={"requests": {"cpu": "1"}})],
        "restartPolicy": "Always",
    }


def test_an_empty_object_that_was_applied_takes_nothing_with_it() -> None:
    live = applied_by(("one", a_pod(app()) | {"status": {}}))
    live["status"] = {"phase": "Running"}
    assert apply(live, a_pod(app()))["status"] == {"phase": "Running"}


def test_what_somebody_else_applies_too_stays() -> None:
    live = applied_by(
        ("one", a_pod(app(image="i"), labels={"a": "1"})),
        ("two", a_pod(app(image="i"), labels={"a": "1"})),
    )
    after = apply(live, a_pod(labels={"c": "3"}))
    assert bare(after) == a_pod(app(image="i"), labels={"a": "1", "c": "3"})
    assert owned(after, "one") == {"f:metadata": {"f:labels": {"f:c": {}}}}


def test_an_item_that_somebody_else_changed_stays_with_its_key() -> None:
    live = applied_by(("one", a_pod(app(image="a", workingDir="/"), {"name": "b"})))
    changed = copy.deepcopy(live)
    changed["spec"]["containers"][0]["image"] = "b"
    updated = record_update(live, changed, manager="edit", message="core.Pod", now=LATE)
    after = apply(updated, a_pod({"name": "b"}))
    assert after["spec"]["containers"] == [app(image="b"), {"name": "b"}]


def test_items_that_nobody_applied_keep_their_places() -> None:
    live = a_pod({"name": "x"}, app(), {"name": "y"})
    after = apply(live, a_pod({"name": "new"}, app(image="i")))
    assert after["spec"]["containers"] == [
        {"name": "x"},
        {"name": "new"},
        app(image="i"),
        {"name": "y"},
    ]


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        pytest.param(
            a_pod(app(image="a")),
            a_pod(app(image="b")),
            '.spec.containers[name="app"].image',
            id="a field of a list item",
        ),
        pytest.param(
            a_pod(app(ports=[{"containerPort": 80, "name": "a"}])),
            a_pod(app(ports=[{"containerPort": 80, "protocol": "TCP", "name": "b"}])),
            '.spec.containers[name="app"].ports[containerPort=80,protocol="TCP"].name',
            id="an item with two keys, one by default",
        ),
        pytest.param(
            a_pod(app(), tolerations=[{"key": "a"}]),
            a_pod(app(), tolerations=[{"key": "b"}]),
            ".spec.tolerations",
            id="a list that is owned whole",
        ),
        pytest.param(
            a_pod(app(), nodeSelector={"a": "1"}),
            a_pod(app(), nodeSelector={"b": "1"}),
            ".spec.nodeSelector",
            id="a map that is owned whole",
        ),
        pytest.param(
            a_pod(app(), labels={"a.b/c": "1"}),
            a_pod(app(), labels={"a.b/c": "2"}),
            ".metadata.labels.a.b/c",
            id="a label",
        ),
    ],
)
def test_another_value_for_anothers_field_is_a_conflict(
    first: Json, second: Json, field: str
) -> None:
    live = applied_by(("one", first))
    with pytest.raises(ApplyConflict) as caught:
        apply(live, second, "two")
    conflict = caught.value
    assert conflict.conflicts == (FieldConflict("one", field),)
    assert conflict.message == f'Apply failed with 1 conflict: conflict with "one": {field}'
    assert conflict.causes == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": field}
    ]
    forced = apply(live, second, "two", force=True)
    assert bare(forced)["spec"] == second["spec"]
    assert bare(forced)["metadata"] == second["metadata"]
    assert field not in repr(owned(forced, "one"))
    with pytest.raises(ApplyConflict):
        apply(forced, first, "one")


def test_several_conflicts_are_listed_by_manager() -> None:
    live = applied_by(
        ("one", a_pod(app(image="a", workingDir="/a"))),
        ("two", a_pod(hostname="a")),
    )
    with pytest.raises(ApplyConflict) as caught:
        apply(live, a_pod(app(image="b", workingDir="/b"), hostname="b"), "three")
    assert caught.value.message == (
        "Apply failed with 3 conflicts: "
        'conflicts with "one":\n'
        '- .spec.containers[name="app"].image\n'
        '- .spec.containers[name="app"].workingDir\n'
        'conflicts with "two":\n'
        "- .spec.hostname"
    )


def test_same_value_and_unowned_fields_are_no_conflict() -> None:
    live = applied_by(("one", a_pod(app(image="a"))))
    live["spec"]["restartPolicy"] = "Always"
    after = apply(live, a_pod(app(image="a"), restartPolicy="Never"), "two")
    assert after["spec"] == {"containers": [app(image="a")], "restartPolicy": "Never"}
    assert owned(after, "one") == owned(live, "one")
    # An object that nobody applied has no owners.
    assert apply(a_pod(app(image="a")), a_pod(app(image="b")))["spec"]["containers"][0] == app(
        image="b"
    )


def test_an_update_takes_over_the_fields_that_it_changes() -> None:
    live = applied_by(("one", a_pod(app(image="a"), activeDeadlineSeconds=5)))
    updated = update(live, activeDeadlineSeconds=9)
    assert owned(updated, "kubectl-edit") == {"f:spec": {"f:activeDeadlineSeconds": {}}}
    with pytest.raises(ApplyConflict) as caught:
        apply(updated, a_pod(app(image="a"), activeDeadlineSeconds=5))
    assert caught.value.message == (
        'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: '
        ".spec.activeDeadlineSeconds"
    )
    # What the manager no longer owns stays when it stops applying it.
    assert apply(updated, a_pod(app(image="a")))["spec"]["activeDeadlineSeconds"] == 9


def test_an_update_that_removes_a_field_ends_its_ownership() -> None:
    live = applied_by(("one", a_pod(app(image="a"), hostname="h")))
    after = copy.deepcopy(live)
    del after["spec"]["hostname"]
    recorded = record_update(live, after, manager="edit", message="core.Pod", now=LATE)
    assert "f:hostname" not in repr(recorded)
    assert owned(recorded, "edit") is None


def test_updates_of_objects_that_nobody_applied_are_not_recorded() -> None:
    before = a_pod(app(image="a"))
    assert update(before, hostname="x") == a_pod(app(image="a"), hostname="x")
    made = record_update(None, before, manager="m", message="core.Pod", now=LATE)
    assert made == before


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        pytest.param(None, ["one"], id="a client that leaves them out keeps them"),
        pytest.param([], [], id="an empty list clears them"),
        pytest.param([{}], [], id="a list of nothing clears them"),
        pytest.param(
            [{"manager": "x", "operation": "Apply", "fieldsV1": {"f:spec": {"f:hostname": {}}}}],
            ["x"],
            id="a client sets them",
        ),
        pytest.param([7, {"operation": "Apply", "fieldsV1": 3}], [], id="nonsense"),
    ],
)
def test_clients_write_managed_fields(entries: Any, left: list[str]) -> None:
    before = applied_by(("one", a_pod(app(image="a"))))
    after = copy.deepcopy(before)
    after["metadata"]["managedFields"] = entries
    recorded = record_update(before, after, manager="m", message="core.Pod", now=LATE)
    assert [e["manager"] for e in recorded["metadata"].get("managedFields", [])] == left


@pytest.mark.parametrize(
    ("applied", "message"),
    [
        pytest.param(
            a_pod(app()) | {"metadata": {"managedFields": [{}]}},
            "metadata.managedFields must be nil",
            id="managedFields",
        ),
        pytest.param(
            a_pod(app(), app()), 'duplicate entries for key [name="app"]', id="an item twice"
        ),
        pytest.param(a_pod({"image": "x"}), 'lacks its key field "name"', id="an item without key"),
        pytest.param(a_pod(app(env=["x"])), "expected map", id="an item that is no object"),
    ],
)
def test_what_cannot_be_applied(applied: Json, message: str) -> None:
    with pytest.raises(PatchError) as caught:
        apply(a_pod(app()), applied)
    assert message in caught.value.message
    assert not caught.value.invalid


def test_subresources_have_owners_of_their_own() -> None:
    status: Json = {"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"}}
    live = applied_by(("one", a_pod(app())))
    after = server_side_apply(
        live, status, manager="one", force=False, message="core.Pod", now=LATE, subresource="status"
    )
    entries = after["metadata"]["managedFields"]
    assert [e.get("subresource") for e in entries] == [None, "status"]
    with pytest.raises(ApplyConflict, match='conflict with "one" with subresource "status": '):
        apply(after, a_pod(app()) | {"status": {"phase": "Failed"}}, "two")
