"""Events as objects of the store, over restarts of the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from minikubelet.events import EventDraft, EventType
from minikubelet.journal import Journal, PodAccepted, PodRef, Record
from minikubelet.journal_file import JournalFile
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.json_tree import Json
from minikubelet.node.event_writer import POSITION, EventWriter
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store
from tests.cli.records import BEGAN, WEB, a_kill, a_probe, a_start, an_exit, at
from tests.fakes.clock import FakeClock

EVENTS = ("", "events")


class Daemon:
    """What of a daemon has to do with Events; the store and the journal's directory outlive it."""

    def __init__(self, store: ObjectStore, clock: FakeClock, directory: Path, **bounds: Any):
        self.clock = clock
        self.file = JournalFile(directory, clock=clock)
        self.file.open()
        uids = count(1)
        self.writer = EventWriter(
            store,
            clock=clock,
            node_name="host-a",
            new_uid=lambda: f"uid-{next(uids)}",
            journal=self.file,
            **bounds,
        )
        self.writer.start()
        self.journal = Journal(clock)
        self.journal.subscribe(self.file.on_record)
        self.journal.subscribe(self.writer.on_record)

    def tell(self, *records: Record) -> None:
        for record in records:
            self.journal.append(record)
        self.writer.flush()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(BEGAN)


@pytest.fixture
def store(clock: FakeClock) -> ObjectStore:
    store = memory_store()
    store.create(Key("", "namespaces", "", "default"), _object("Namespace", "default"))
    return store


Start = Callable[..., Daemon]


@pytest.fixture
def daemon_of(store: ObjectStore, clock: FakeClock, tmp_path: Path) -> Iterator[Start]:
    """Starts a daemon; the one before is dead by then, and nobody has closed anything."""
    with ExitStack() as files:

        def start(**bounds: Any) -> Daemon:
            daemon = Daemon(store, clock, tmp_path, **bounds)
            files.callback(daemon.file.close)
            return daemon

        yield start


def _object(kind: str, name: str, **metadata: Any) -> Json:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}


def documents(store: ObjectStore) -> list[Json]:
    return [stored.document for stored in store.list(EVENTS)]


def counts(store: ObjectStore) -> dict[str, int]:
    return {f"{d['reason']}: {d['message']}": d["count"] for d in documents(store)}


def test_all_fields(store: ObjectStore, clock: FakeClock, daemon_of: Start) -> None:  # L-272
    pod = store.create(
        Key("", "pods", "default", "web"), _object("Pod", "web", namespace="default", uid=WEB.uid)
    )
    daemon = daemon_of()
    daemon.tell(a_start(0), a_start(61, 1))
    (document,) = documents(store)
    metadata = document.pop("metadata")
    assert document == {
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": {
            "kind": "Pod",
            "namespace": "default",
            "name": "web",
            "uid": WEB.uid,
            "apiVersion": "v1",
            "resourceVersion": str(pod.resource_version),
            "fieldPath": "spec.containers{app}",
        },
        "reason": "Started",
        "message": "Container started",
        "source": {"component": "kubelet", "host": "host-a"},
        "firstTimestamp": "2026-01-01T12:00:00Z",
        "lastTimestamp": "2026-01-01T12:01:01Z",
        "eventTime": None,
        "count": 2,
        "type": "Normal",
        "reportingComponent": "kubelet",
        "reportingInstance": "host-a",
    }
    assert metadata.pop("resourceVersion")
    assert metadata == {
        "name": f"web.{int(BEGAN.timestamp()) * 10**9:x}",
        "namespace": "default",
        "uid": "uid-1",
        "creationTimestamp": "2026-01-01T12:00:00Z",
    }


def test_a_mirror_pod_is_known_by_its_annotation(
    store: ObjectStore, clock: FakeClock, daemon_of: Start
) -> None:
    annotations = {"kubernetes.io/config.mirror": WEB.uid}
    pod = store.create(
        Key("", "pods", "default", "web"),
        _object("Pod", "web", namespace="default", uid="another", annotations=annotations),
    )
    daemon_of().tell(a_start(0))
    assert documents(store)[0]["involvedObject"]["resourceVersion"] == str(pod.resource_version)


def test_what_a_scheduler_would_say(store: ObjectStore, daemon_of: Start) -> None:  # L-74
    accepted = PodAccepted(at=at(0), pod=WEB, scheduled_to="host-a")
    daemon_of().tell(accepted)
    daemon_of().tell(accepted)
    (document,) = documents(store)
    assert document["count"] == 2
    assert document["source"] == {"component": "default-scheduler"}
    assert document["reportingComponent"] == "default-scheduler"


def test_about_the_node(store: ObjectStore, clock: FakeClock, daemon_of: Start) -> None:
    daemon = daemon_of()
    daemon.writer.write(
        EventDraft(
            at=at(0),
            pod=PodRef("", "host-a", "host-a"),
            kind="Node",
            type=EventType.NORMAL,
            reason="Starting",
            message="Starting kubelet.",
        )
    )
    daemon.writer.flush()
    (stored,) = store.list(EVENTS)
    assert stored.key.namespace == "default"
    assert stored.document["involvedObject"] == {
        "kind": "Node",
        "name": "host-a",
        "uid": "host-a",
        "apiVersion": "v1",
    }


def test_a_restarted_daemon_counts_on(
    store: ObjectStore, clock: FakeClock, daemon_of: Start
) -> None:
    failure = a_probe("failure", output="503")
    daemon_of().tell(failure, failure, a_start(1))
    daemon_of().tell(failure, a_kill(KillCause.LIVENESS, "told"))
    assert counts(store) == {
        "Unhealthy: Liveness probe failed: 503": 3,
        "Started: Container started": 1,
        "Killing: told": 1,
    }


def test_similar_events_of_an_earlier_daemon_count(
    store: ObjectStore, clock: FakeClock, daemon_of: Start
) -> None:  # L-273
    first = daemon_of()
    first.tell(*(a_probe("failure", output=f"{n}", seconds=n) for n in range(5)))
    second = daemon_of()
    second.tell(*(a_probe("failure", output=f"{n}", seconds=n) for n in range(5, 12)))
    third = daemon_of()
    third.tell(a_probe("failure", output="12", seconds=12))
    told = counts(store)
    assert len(told) == 10
    merged = "Unhealthy: (combined from similar events): Liveness probe failed: 12"
    assert told[merged] == 4


def test_what_was_not_written_before_a_crash_is_written_once_after_it(
    store: ObjectStore, clock: FakeClock, daemon_of: Start
) -> None:
    first = daemon_of()
    first.tell(a_start(0))
    first.journal.append(an_exit(1, seconds=1))
    first.journal.append(a_start(2, 1))
    first.journal.append(a_kill(KillCause.DELETED, "told", seconds=3))
    assert counts(store) == {"Started: Container started": 1}
    for _ in range(2):
        daemon_of()
        assert counts(store) == {"Started: Container started": 2, "Killing: told": 1}


async def test_a_daemon_that_was_away_for_long_tells_no_old_news(
    store: ObjectStore, clock: FakeClock, daemon_of: Start
) -> None:
    first = daemon_of()
    first.journal.append(a_start(0))
    await clock.advance(3700)
    daemon_of().tell(a_start(3700, 1))
    assert counts(store) == {"Started: Container started": 1}


def test_a_position_beyond_the_journal_hides_nothing(
    store: ObjectStore, clock: FakeClock, daemon_of: Start
) -> None:
    store.set_meta(POSITION, "99")  # a full disk has swallowed some, whose numbers are used again
    daemon_of().journal.append(a_start(0))
    daemon_of()
    assert counts(store) == {"Started: Container started": 1}


@asynccontextmanager
async def running(writer: EventWriter) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(writer.run())
        yield
        task.cancel()


async def test_it_writes_as_it_is_told_and_what_is_left_at_the_end(
    store: ObjectStore, clock: FakeClock, daemon_of: Start
) -> None:
    daemon = daemon_of()
    async with running(daemon.writer):
        await clock.settle()
        daemon.journal.append(a_start(0))
        assert documents(store) == []  # not by the subscriber: the store may be telling of a change
        await clock.settle()
        assert len(documents(store)) == 1
        daemon.journal.append(a_kill(KillCause.DELETED))
    assert len(documents(store)) == 2


async def test_an_event_lives_for_an_hour_after_it_was_counted_last(
    store: ObjectStore, clock: FakeClock, daemon_of: Start
) -> None:
    foreign = Key("", "events", "default", "of-somebody-else")
    store.create(foreign, _object("Event", foreign.name, creationTimestamp="2026-01-01T12:00:00Z"))
    daemon = daemon_of()
    async with running(daemon.writer):
        daemon.journal.append(a_start(0))
        await clock.advance(3000)
        daemon.journal.append(a_start(3000, 1))
        await clock.advance(599)
        assert len(documents(store)) == 2
        await clock.advance(122)
        assert counts(store) == {"Started: Container started": 2}
        await clock.advance(3000)
        assert documents(store) == []


def test_a_namespace_has_a_bounded_number(
    store: ObjectStore, clock: FakeClock, daemon_of: Start
) -> None:
    daemon = daemon_of(per_namespace=3, ttl=timedelta(hours=1))
    daemon.tell(*(a_kill(KillCause.DELETED, f"told {n}", seconds=n) for n in range(5)))
    assert sorted(counts(store)) == ["Killing: told 2", "Killing: told 3", "Killing: told 4"]
    daemon.tell(a_kill(KillCause.DELETED, "told 2", seconds=6))
    daemon.tell(a_kill(KillCause.DELETED, "told 7", seconds=7))
    assert sorted(counts(store)) == ["Killing: told 2", "Killing: told 4", "Killing: told 7"]


def test_a_removed_event_comes_back_with_its_count(
    store: ObjectStore, clock: FakeClock, daemon_of: Start
) -> None:  # as client-go: a patch that finds nothing creates
    daemon = daemon_of()
    daemon.tell(a_start(0))
    store.remove(store.list(EVENTS)[0].key)
    daemon.tell(a_start(1, 1))
    assert counts(store) == {"Started: Container started": 2}


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "going"])
def test_a_namespace_that_goes_gets_no_events(
    store: ObjectStore, clock: FakeClock, daemon_of: Start, gone: bool
) -> None:
    if not gone:
        deleted = _object("Namespace", "shop", deletionTimestamp="2026-01-01T12:00:00Z")
        store.create(Key("", "namespaces", "", "shop"), deleted)
    daemon = daemon_of()
    pod = PodRef("shop", "web", "1")
    daemon.writer.write(
        EventDraft(at=at(0), pod=pod, type=EventType.NORMAL, reason="Killing", message="m")
    )
    daemon.writer.flush()
    assert documents(store) == []
