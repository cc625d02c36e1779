"""Writes on their way to a disk that fails now and then: what is there in the end is what would be
there without a failure."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from minikubelet.store.history import HistoryLimits
from minikubelet.store.objects import Change
from minikubelet.store.pending import Batch, Pending
from minikubelet.store.persisted import Numbers
from minikubelet.store.store import memory_store
from tests.store.builders import a_key, create, replace

_NUMBERS = Numbers(1, 1)
_WINDOW = 4


@dataclass
class _Disk:
    rows: dict[int, bytes] = field(default_factory=dict)
    current: set[int] = field(default_factory=set)
    meta: dict[str, str] = field(default_factory=dict)

    def write(self, batch: Batch) -> None:
        self.rows |= {number: version.encoded for number, version in batch.rows.items()}
        for number in batch.dropped:
            self.rows.pop(number, None)
        self.current = (self.current - batch.replaced) | set(batch.current)
        self.meta |= batch.meta


def _changes(names: list[str]) -> tuple[list[Change], set[int]]:
    """Writes of a store, and the versions of its objects in the end."""
    store = memory_store(HistoryLimits(max_changes=1_000))
    changes: list[Change] = []
    store.subscribe(changes.append)
    for number, name in enumerate(names):
        if store.get(a_key(name)) is None:
            create(store, a_key(name))
        elif number % 3 == 0:
            store.remove(a_key(name))
        else:
            replace(store, a_key(name), spec=number)
    return changes, {stored.resource_version for stored in store.list(("", "pods"))}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["write", "take", "succeed", "fail"])),
        max_size=30,
    )
)
def test_failures_leave_no_trace(steps: list[tuple[str, str]]) -> None:
    changes, current = _changes([name for name, step in steps if step == "write"])
    disk, pending = _Disk(), Pending()
    in_flight: Batch | None = None
    written = 0
    for name, step in steps:
        if step == "write":
            pending.add(changes[written])
            pending.set_meta(name, str(written))
            if written >= _WINDOW:
                pending.forget([changes[written - _WINDOW]])
            written += 1
        elif step == "take" and in_flight is None:
            in_flight = pending.take(_NUMBERS)
            assert not pending
        elif step == "succeed" and in_flight is not None:
            disk.write(in_flight)
            in_flight = None
        elif step == "fail" and in_flight is not None:
            pending.put_back(in_flight)
            in_flight = None
    if in_flight is not None:
        disk.write(in_flight)
    disk.write(pending.take(_NUMBERS))
    window = changes[-_WINDOW:]
    replaced = {change.before.resource_version for change in window if change.before}
    assert disk.current == current
    assert set(disk.rows) == current | {c.resource_version for c in window} | replaced
    names = [name for name, step in steps if step == "write"]
    assert disk.meta == {name: str(number) for number, name in enumerate(names)}


def test_a_disk_that_takes_nothing_costs_bounded_memory() -> None:
    changes, _ = _changes(["a", "b"] * 100)
    pending = Pending()
    batch = pending.take(_NUMBERS)
    for number, change in enumerate(changes):
        pending.add(change)
        if number >= _WINDOW:
            pending.forget([changes[number - _WINDOW]])
        pending.put_back(batch)
        batch = pending.take(_NUMBERS)
    assert len(batch.rows) <= _WINDOW * 2 + 2
    assert len(batch.current) + len(batch.replaced) <= 4
