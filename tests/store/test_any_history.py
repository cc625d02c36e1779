"""Any order of writes, restarts and crashes, against a model (K-29, K-36, K-51, K-52)."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from minikubelet.manifest.json_tree import Json
from minikubelet.store.history import HistoryLimits
from minikubelet.store.objects import AlreadyExists, Expired, NotFound
from minikubelet.store.persisted import RESERVED_VERSIONS, Numbers, next_numbers
from minikubelet.store.store import ObjectStore, sqlite_store
from tests.fakes.clock import FakeClock
from tests.store.builders import PODS, a_document, a_key, create, left_by_crash, replace, told

_NAMES = st.sampled_from(["a", "b", "c"])
_SPECS = st.integers(0, 2)
_LIMITS = HistoryLimits(max_changes=12)


@dataclass
class Model:
    """What the store must hold."""

    objects: dict[str, tuple[int, Json]] = field(default_factory=dict)
    changes: list[tuple[str, str, int]] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Model:
        return Model(dict(self.objects), list(self.changes), dict(self.meta))


class StoreMachine(RuleBasedStateMachine):
    """The clock stands still, so that lazy writes stay in memory until something else goes to the
    disk: what a crash takes is known."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="minikubelet-store-"))
        self.lives = 0
        self.path = self.directory / "life0" / "state.db"
        self.runner = asyncio.Runner()
        self.model = Model()
        self.on_disk = Model()
        self.given: set[int] = set()
        self.lost: set[int] = set()
        self.store = self._opened()

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.directory)

    @rule(name=_NAMES, spec=_SPECS)
    def create(self, name: str, spec: int) -> None:
        if name in self.model.objects:
            with pytest.raises(AlreadyExists):
                create(self.store, a_key(name), spec=spec)
            return
        version = create(self.store, a_key(name), spec=spec)
        self._written("ADDED", name, version, spec)
        self._sync()

    @rule(name=_NAMES, spec=_SPECS, lazily=st.booleans())
    def replace(self, name: str, spec: int, lazily: bool) -> None:
        if name not in self.model.objects:
            with pytest.raises(NotFound):
                replace(self.store, a_key(name), spec=spec)
            return
        before, document = self.model.objects[name]
        version = replace(self.store, a_key(name), spec=spec, lazily=lazily)
        if document["spec"] == spec:
            assert version == before  # K-36
            return
        self._written("MODIFIED", name, version, spec)
        if not lazily:
            self._sync()

    @rule(name=_NAMES)
    def remove(self, name: str) -> None:
        if name not in self.model.objects:
            with pytest.raises(NotFound):
                self.store.remove(a_key(name))
            return
        version = self.store.remove(a_key(name)).resource_version
        self._written("DELETED", name, version, None)
        self._sync()

    @rule(name=_NAMES, value=st.sampled_from(["1", "2"]))
    def set_meta(self, name: str, value: str) -> None:
        self.store.set_meta(name, value)
        self.model.meta[name] = value

    @rule()
    def restart(self) -> None:
        before = self.store.resource_version
        self.runner.run(self.store.close())
        self.store = self._opened()
        assert self.store.resource_version == before
        self.on_disk = self.model.copy()

    @rule()
    def crash(self) -> None:
        # As long as the loop does not run, nothing more is written.
        self.lives += 1
        path = left_by_crash(self.path, self.directory / f"life{self.lives}")
        self.runner.run(self.store.close())
        self.path = path
        self.lost |= {v for _, _, v in self.model.changes} - {v for _, _, v in self.on_disk.changes}
        self.model = self.on_disk.copy()
        self.store = self._opened()
        assert self.store.resource_version > max(self.given, default=0)

    @precondition(lambda self: self.model.changes)
    @rule(data=st.data())
    def watch_from_a_version_that_was_told(self, data: st.DataObject) -> None:
        versions = [version for _, _, version in self.model.changes]
        since = data.draw(st.sampled_from(versions))
        expected = [change for change in self.model.changes if change[2] > since]
        if len(expected) > _LIMITS.max_changes:
            with pytest.raises(Expired):
                self.store.watch(PODS, since=since)
        else:
            assert told(self.store.watch(PODS, since=since)) == expected

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def watch_from_a_version_that_was_lost(self, data: st.DataObject) -> None:
        with pytest.raises(Expired):
            self.store.watch(PODS, since=data.draw(st.sampled_from(sorted(self.lost))))

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        held = {s.key.name: (s.resource_version, s.document) for s in self.store.list(PODS)}
        assert held == self.model.objects
        assert {name: self.store.get_meta(name) for name in self.model.meta} == self.model.meta

    def _opened(self) -> ObjectStore:
        store = sqlite_store(self.path, FakeClock(), _LIMITS)
        self.runner.run(store.open())
        assert (store.failing, store.recovered) == ("", ())
        return store

    def _written(self, kind: str, name: str, version: int, spec: int | None) -> None:
        assert version > max(self.given, default=0), "a version was given twice"
        self.given.add(version)
        self.model.changes.append((kind, name, version))
        if spec is None:
            del self.model.objects[name]
        else:
            document = a_document(a_key(name), spec=spec)
            document["metadata"]["resourceVersion"] = str(version)
            self.model.objects[name] = (version, document)

    def _sync(self) -> None:
        self.runner.run(self.store.durable(self.store.resource_version))
        self.on_disk = self.model.copy()


TestAnyHistory = StoreMachine.TestCase
TestAnyHistory.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize(
    ("found", "beyond", "begin", "lost"),
    [
        pytest.param(Numbers(9, 9, clean=True), 0, 9, (), id="a clean stop costs nothing"),
        pytest.param(Numbers(9, 100), 0, 101, ((10, 100),), id="a crash costs what was reserved"),
        pytest.param(
            Numbers(9, 100, floor=5, lost=((2, 4), (6, 7))),
            0,
            101,
            ((6, 7), (10, 100)),
            id="losses behind the window are forgotten",
        ),
        pytest.param(
            Numbers(9, 9, clean=True), 500, 501, ((10, 500),), id="nothing below a bound is used"
        ),
    ],
)
def test_where_a_new_process_begins(
    found: Numbers, beyond: int, begin: int, lost: tuple[tuple[int, int], ...]
) -> None:
    numbers = next_numbers(found, beyond)
    assert (numbers.version, numbers.lost) == (begin, lost)
    assert (numbers.reserved, numbers.clean) == (begin + RESERVED_VERSIONS, False)
