"""Any sequence of applies and updates keeps the promises of server-side apply (K-40)."""

from __future__ import annotations

from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from minikubelet.store.patch import ApplyConflict, record_update, server_side_apply
from minikubelet.store.patch.field_sets import (
    ITEM,
    from_fields_v1,
    owned_fields,
    to_fields_v1,
    with_parents,
)
from minikubelet.store.patch.ownership import path_text

Json = dict[str, Any]

# Shrinking such cases takes minutes; as they are, they can be read.
FEW = settings(max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate])
WORDS = st.sampled_from(["x", "y"])


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


def by_key(key: str, keys: list[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    items = [st.fixed_dictionaries({key: st.just(value)}, optional=fields) for value in keys]
    return st.lists(st.one_of(items), max_size=3, unique_by=lambda item: str(item[key]))


ENV = by_key("name", ["A", "B"], value=WORDS)
PORTS = by_key("containerPort", [1, 2], name=WORDS, protocol=st.just("TCP"))
PROBE = optional(
    exec=optional(command=st.lists(WORDS, max_size=2)), periodSeconds=st.integers(1, 2)
)
CONTAINERS = by_key(
    "name",
    ["a", "b", "c"],
    image=WORDS,
    args=st.lists(WORDS, max_size=2),
    env=ENV,
    ports=PORTS,
    livenessProbe=PROBE,
    resources=optional(limits=optional(cpu=WORDS)),
)
PODS = optional(
    metadata=optional(
        labels=optional(a=WORDS, b=WORDS),
        finalizers=st.lists(WORDS, max_size=2, unique=True),
    ),
    spec=optional(containers=CONTAINERS, nodeSelector=optional(a=WORDS, b=WORDS), hostname=WORDS),
).map(lambda pod: {"apiVersion": "v1", "kind": "Pod"} | pod)
STEPS = st.lists(st.tuples(st.sampled_from(["one", "two", "edit"]), PODS), min_size=1, max_size=5)


def apply(live: Json | None, applied: Json, manager: str, now: str, *, force: bool = True) -> Json:
    return server_side_apply(
        live, applied, manager=manager, force=force, message="core.Pod", now=now
    )


@FEW
@given(STEPS)
def test_sequences(steps: list[tuple[str, Json]]) -> None:
    live = apply(None, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}, "one", "0")
    for number, (manager, pod) in enumerate(steps):
        if manager == "edit":
            live = record_update(live, pod, manager=manager, message="core.Pod", now=str(number))
        else:
            live = apply(live, pod, manager, str(number))
            check_applied(live, pod, manager)
        check_owners(live)


def check_applied(live: Json, pod: Json, manager: str) -> None:
    fields = owned_fields(live, "core.Pod")
    for path, value in owned_fields(pod, "core.Pod").items():
        # An object that was applied empty may have fields of others.
        assert value is ITEM or value in ({}, []) or fields[path] == value, path
    again = apply(live, pod, manager, "later", force=False)
    assert again == live


def check_owners(live: Json) -> None:
    """Nobody owns what is not there, and paths survive the way through FieldsV1."""
    fields = with_parents(owned_fields(live, "core.Pod"))
    for entry in live.get("metadata", {}).get("managedFields", ()):
        owned = from_fields_v1(entry["fieldsV1"])
        assert to_fields_v1(owned) == entry["fieldsV1"]
        assert owned <= fields


def conflicts_of(live: Json, applied: Json) -> set[str]:
    try:
        apply(live, applied, "two", "1", force=False)
    except ApplyConflict as err:
        return {conflict.field for conflict in err.conflicts}
    return set()


@FEW
@given(PODS, PODS)
def test_a_conflict_is_another_value_and_nothing_else(first: Json, second: Json) -> None:
    live = apply(None, first, "one", "0")
    old, new = owned_fields(first, "core.Pod"), owned_fields(second, "core.Pod")
    differing = {path for path in old.keys() & new.keys() if old[path] != new[path]}
    assert conflicts_of(live, second) == {path_text(path) for path in differing}
