"""Following the logs of a run in a thread: order, restarts, the end, a sink that blocks."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from minikubelet.journal import PodRef
from minikubelet.runtime.container_log import LogEntry
from minikubelet.runtime.log_follower import LogFollower
from minikubelet.runtime.log_watch import LogWatcher, PollingWatcher, open_watcher
from tests.runtime.cri import CRIWriter

POD = PodRef("default", "web", "1")
PATIENCE_SECONDS = 10


class Seen:
    """A sink that remembers, and that can be waited for."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self._changed = threading.Condition()

    def log_lines(self, pod: PodRef, container: str, entries: Sequence[LogEntry]) -> None:
        self.entered.set()
        self.gate.wait(PATIENCE_SECONDS)
        if container == "bad":
            raise ValueError
        self.threads.add(threading.current_thread().name)
        for entry in entries:
            self.say(f"{pod.name}/{container}: {entry.text.decode()}")

    def log_lost(self, pod: PodRef, container: str) -> None:
        self.say(f"{pod.name}/{container} lost")

    def say(self, text: str) -> None:
        with self._changed:
            self.items.append(text)
            self._changed.notify_all()

    def wait_for(self, *items: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.items == list(items), PATIENCE_SECONDS), (
                self.items
            )


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture(params=[open_watcher, lambda: PollingWatcher(0.01)], ids=["system", "polling"])
def follower(request: pytest.FixtureRequest, seen: Seen) -> Iterator[LogFollower]:
    make_watcher: Callable[[], LogWatcher] = request.param
    follower = LogFollower(seen, make_watcher())
    yield follower
    seen.gate.set()
    assert follower.close(PATIENCE_SECONDS)


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is part of Linux")
def test_linux_is_watched_with_inotify() -> None:
    watcher = open_watcher()
    assert type(watcher).__name__ == "InotifyWatcher"
    watcher.close()


def test_lines_come_as_they_are_written(tmp_path: Path, seen: Seen, follower: LogFollower) -> None:
    follower.add_container(POD, "app", tmp_path)
    writer = CRIWriter(tmp_path)
    writer.write(b"one\n")
    seen.wait_for("web/app: one")
    writer.write(b"two\n")
    seen.wait_for("web/app: one", "web/app: two")
    assert seen.threads == {"container logs"}


def test_a_directory_may_appear_later(tmp_path: Path, seen: Seen, follower: LogFollower) -> None:
    follower.add_container(POD, "app", tmp_path / "later" / "app")
    writer = CRIWriter(tmp_path / "later" / "app")
    writer.write(b"one\n")
    seen.wait_for("web/app: one")
    writer.write(b"two\n")
    seen.wait_for("web/app: one", "web/app: two")


def test_several_containers_rotation_and_a_restart(
    tmp_path: Path, seen: Seen, follower: LogFollower
) -> None:
    follower.add_container(POD, "app", tmp_path / "app")
    follower.add_container(POD, "db", tmp_path / "db")
    app, db = CRIWriter(tmp_path / "app"), CRIWriter(tmp_path / "db")
    expected = []
    for i in range(5):
        for name, writer in (("app", app), ("db", db)):
            writer.write(b"%d\n" % i)
            expected.append(f"web/{name}: {i}")
            seen.wait_for(*expected)
            writer.rotate(compress=True)
    app.close()
    again = CRIWriter(tmp_path / "app", 1)
    again.write(b"again\n")
    seen.wait_for(*expected, "web/app: again")


def test_a_container_added_twice_is_followed_once(
    tmp_path: Path, seen: Seen, follower: LogFollower
) -> None:
    writer = CRIWriter(tmp_path)
    writer.write(b"one\n")
    for _ in range(2):
        follower.add_container(POD, "app", tmp_path)
    writer.close()
    assert follower.close(PATIENCE_SECONDS)
    assert seen.items == ["web/app: one"]


def test_closing_hands_out_all_that_is_written(
    tmp_path: Path, seen: Seen, follower: LogFollower
) -> None:
    writer = CRIWriter(tmp_path)
    follower.add_container(POD, "app", tmp_path)
    for i in range(2000):
        writer.write(b"%d\n" % i)
    writer.write(b"no newline")
    writer.close()
    assert follower.close(PATIENCE_SECONDS)
    assert seen.items == [*(f"web/app: {i}" for i in range(2000)), "web/app: no newline"]


def test_what_is_said_after_a_line_was_written_comes_after_it(
    tmp_path: Path, seen: Seen, follower: LogFollower
) -> None:
    writer = CRIWriter(tmp_path)
    follower.add_container(POD, "app", tmp_path)
    for i in range(50):
        writer.write(b"%d\n" % i)
        follower.after_logs(lambda i=i: seen.say(f"said {i}"))  # type: ignore[misc]
    assert follower.close(PATIENCE_SECONDS)
    lines = [seen.items.index(f"web/app: {i}") for i in range(50)]
    said = [seen.items.index(f"said {i}") for i in range(50)]
    assert len(seen.items) == 100
    assert lines == sorted(lines)
    assert said == sorted(said)
    assert all(line < word for line, word in zip(lines, said, strict=True))


def test_the_last_line_without_newline_comes_before_what_is_said_of_the_end(
    tmp_path: Path, seen: Seen, follower: LogFollower
) -> None:
    writer = CRIWriter(tmp_path)
    follower.add_container(POD, "app", tmp_path)
    writer.write(b"> ")
    writer.close()
    follower.instance_ended(tmp_path, 0)
    follower.after_logs(lambda: seen.say("ended"))
    seen.wait_for("web/app: > ", "ended")


def test_after_the_end_callbacks_are_called_at_once(seen: Seen, follower: LogFollower) -> None:
    assert follower.close(PATIENCE_SECONDS)
    follower.after_logs(lambda: seen.say("late"))
    assert seen.items == ["late"]


def test_lines_deleted_before_they_could_be_read_are_told(
    tmp_path: Path, seen: Seen, follower: LogFollower
) -> None:
    writer = CRIWriter(tmp_path)
    follower.add_container(POD, "app", tmp_path)
    seen.gate.clear()
    writer.write(b"one\n")
    assert seen.entered.wait(PATIENCE_SECONDS)
    for i in range(4):
        writer.write(b"%d\n" % i)
        writer.rotate(keep=0)
    writer.write(b"end\n")
    seen.gate.set()
    assert follower.close(PATIENCE_SECONDS)
    assert seen.items == [
        "web/app: one",
        "web/app: 0",
        "web/app lost",
        "web/app: 3",
        "web/app: end",
    ]


def test_a_sink_that_blocks_does_not_hold_up_the_caller(
    tmp_path: Path, seen: Seen, follower: LogFollower
) -> None:
    writer = CRIWriter(tmp_path)
    follower.add_container(POD, "app", tmp_path)
    seen.gate.clear()
    writer.write(b"one\n")
    follower.after_logs(lambda: seen.say("said"))
    assert follower.close(0.05) is False
    seen.gate.set()
    assert follower.close(PATIENCE_SECONDS)
    assert seen.items == ["web/app: one", "said"]


def test_an_error_with_one_container_does_not_stop_the_others(
    tmp_path: Path, seen: Seen, follower: LogFollower, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    for name in ("bad", "app"):
        CRIWriter(tmp_path / name).write(b"one\n")
        follower.add_container(POD, name, tmp_path / name)
    seen.wait_for("web/app: one")


def test_a_callback_that_fails_does_not_stop_the_thread(
    tmp_path: Path, seen: Seen, follower: LogFollower, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)

    def fail() -> None:
        raise ValueError

    follower.after_logs(fail)
    follower.after_logs(lambda: seen.say("next"))
    seen.wait_for("next")
