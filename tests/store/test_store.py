"""Reads, writes, versions and listeners of the store (K-29, K-36)."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.store.objects import (
    AlreadyExists,
    Change,
    ChangeType,
    Conflict,
    Key,
    NotFound,
)
from minikubelet.store.store import ObjectStore, memory_store
from tests.store.builders import EVENTS, PODS, a_document, a_key, create, replace


@pytest.fixture
def store() -> ObjectStore:
    return memory_store()


def test_every_write_takes_the_next_version_of_the_one_counter(store: ObjectStore) -> None:
    begin = store.resource_version
    versions = [
        create(store, a_key("a")),
        create(store, a_key("e", storage=EVENTS)),
        replace(store, a_key("a"), spec={}),
        store.remove(a_key("a")).resource_version,
    ]
    assert versions == [begin + 1, begin + 2, begin + 3, begin + 4]  # K-29
    assert store.resource_version == begin + 4
    assert begin > 0, "0 means any version to clients"


def test_the_version_is_in_the_document_and_in_its_bytes(store: ObjectStore) -> None:
    stored = store.create(a_key(), a_document(spec={"a": 1}))
    assert stored.document == a_document(spec={"a": 1}) | {
        "metadata": {"name": "web", "namespace": "default", "resourceVersion": "2"}
    }
    assert b'"resourceVersion":"2"' in stored.encoded
    assert store.get(a_key()) is stored


def test_the_callers_document_stays_the_callers(store: ObjectStore) -> None:
    document = a_document(spec={"containers": ["a"]})
    stored = store.create(a_key(), document)
    document["spec"]["containers"].append("b")
    assert stored.document["spec"] == {"containers": ["a"]}
    assert "resourceVersion" not in document["metadata"]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, False, id="the order of keys is nothing"),
        pytest.param({"a": [1]}, {"a": [1]}, False, id="an equal copy is nothing"),
        pytest.param({"a": 1}, {"a": True}, True, id="true is not 1"),
        pytest.param({"a": [1, 2]}, {"a": [2, 1]}, True, id="the order of a list counts"),
        pytest.param({"a": None}, {}, True, id="null is not absence"),
    ],
)
def test_what_is_a_change(
    store: ObjectStore, before: dict[str, Any], after: dict[str, Any], changes: bool
) -> None:
    first = create(store, a_key(), spec=before)
    assert (replace(store, a_key(), spec=after) != first) is changes  # K-36
    assert (store.resource_version != first) is changes


def test_a_stale_version_in_the_document_is_no_change(store: ObjectStore) -> None:
    stored = store.create(a_key(), a_document())
    stale = a_document() | {"metadata": {**stored.document["metadata"], "resourceVersion": "1"}}
    assert store.replace(a_key(), stale) is stored


def test_calls_that_are_refused_change_nothing(store: ObjectStore) -> None:
    version = create(store, a_key())
    with pytest.raises(AlreadyExists):
        store.create(a_key(), a_document())
    with pytest.raises(NotFound) as missing:
        store.replace(a_key("other"), a_document())
    with pytest.raises(NotFound):
        store.remove(a_key("other"))
    with pytest.raises(Conflict) as conflict:
        store.replace(a_key(), a_document(spec={}), expected=version - 1)
    with pytest.raises(Conflict):
        store.remove(a_key(), expected=version - 1)
    assert missing.value.key == a_key("other")
    assert conflict.value.message == (
        "the object has been modified; please apply your changes to the latest version"
        " and try again"
    )
    assert store.resource_version == version
    assert store.remove(a_key(), expected=version).resource_version == version + 1


def test_lists_are_sorted_by_namespace_and_name(store: ObjectStore) -> None:
    keys = [
        a_key(name, namespace)
        for namespace in ("b", "a", "a-b", "ab", "")
        for name in ("z", "a", "m-1", "m")
    ]
    for key in keys:
        create(store, key)
    store.remove(a_key("m", "a"))
    keys.remove(a_key("m", "a"))

    def listed(namespace: str | None) -> list[Key]:
        return [stored.key for stored in store.list(PODS, namespace)]

    assert listed(None) == sorted(keys)
    assert listed("a") == [a_key(name, "a") for name in ("a", "m-1", "z")]
    assert listed("a-b") == [a_key(name, "a-b") for name in ("a", "m", "m-1", "z")]
    assert listed("none") == []
    assert store.list(EVENTS) == []


def test_listeners_hear_each_write_once_and_in_order(store: ObjectStore) -> None:
    heard: list[Change] = []
    stop = store.subscribe(heard.append)
    create(store, a_key())
    replace(store, a_key(), spec={})
    replace(store, a_key(), spec={})
    store.remove(a_key())
    stop()
    stop()
    create(store, a_key())
    assert [change.type for change in heard] == [
        ChangeType.ADDED,
        ChangeType.MODIFIED,
        ChangeType.DELETED,
    ]
    added, modified, deleted = heard
    assert added.before is None
    assert modified.before is added.object
    assert deleted.before is modified.object
    # K-51: the last state with a fresh version.
    assert deleted.object.document["spec"] == {}
    assert deleted.object.document["metadata"]["resourceVersion"] == str(deleted.resource_version)


def test_a_listener_that_fails_disturbs_nobody(store: ObjectStore) -> None:
    heard: list[Change] = []

    def fail(change: Change) -> None:
        raise ValueError("broken")

    store.subscribe(fail)
    store.subscribe(heard.append)
    create(store, a_key())
    assert len(heard) == 1


def test_a_listener_must_not_write(store: ObjectStore) -> None:
    refused: list[str] = []

    def write(change: Change) -> None:
        try:
            create(store, a_key("second"))
        except RuntimeError as error:
            refused.append(str(error))

    store.subscribe(write)
    create(store, a_key("first"))
    assert refused == ["a listener of the store must not write (pods default/second): schedule it"]
    assert [stored.key.name for stored in store.list(PODS)] == ["first"]


def test_a_document_that_is_no_json_leaves_the_store_alone(store: ObjectStore) -> None:
    version = create(store, a_key("first"))
    with pytest.raises(TypeError):
        create(store, a_key("second"), spec={"a": object()})
    assert store.resource_version == version
    assert create(store, a_key("second")) == version + 1


def test_values_of_the_daemon_are_kept(store: ObjectStore) -> None:
    assert store.get_meta("boot") is None
    store.set_meta("boot", "1")
    store.set_meta("boot", "2", lazily=False)
    assert store.get_meta("boot") == "2"
