"""The manifest directory: what is published when its files come, change, break and go."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from minikubelet.events import EventDraft
from minikubelet.node.desired import DesiredPod, PodSourceName
from minikubelet.node.sources.file_changes import file_changes
from minikubelet.node.sources.files import FileSource
from tests.fakes.clock import FakeClock

POD = """apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  containers:
  - {name: app, image: busybox, command: [run]}
"""


def a_manifest(name: str = "web") -> str:
    return POD.replace("NAME", name)


@dataclass
class Watched:
    """A source whose news of changes the test gives."""

    path: Path
    clock: FakeClock = field(default_factory=FakeClock)
    sets: list[list[DesiredPod]] = field(default_factory=list)
    drafts: list[EventDraft] = field(default_factory=list)
    changes: asyncio.Queue[set[Path]] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.source = FileSource(
            self.path,
            "node",
            clock=self.clock,
            publish=self._publish,
            write_event=self.drafts.append,
            changes=self._changes,
        )

    def _publish(self, source: PodSourceName, pods: Iterable[DesiredPod]) -> None:
        assert source is PodSourceName.FILE
        self.sets.append(list(pods))

    async def _changes(self, path: Path) -> AsyncIterator[Iterable[Path]]:
        os.stat(path)
        while True:
            yield await self.changes.get()

    @property
    def names(self) -> list[str]:
        return [desired.pod.metadata.name for desired in self.sets[-1]]

    def told(self) -> list[str]:
        return [f"{draft.pod.name} {draft.reason}: {draft.message}" for draft in self.drafts]

    async def until(self, fact: Callable[[], bool]) -> None:
        """Files are read in threads, so the fact comes in its own time."""
        async with asyncio.timeout(10):
            while not fact():
                await self.clock.settle()
                await asyncio.sleep(0.001)

    async def changed(self, *names: str) -> None:
        """The system tells of these files; returns when the source has looked."""
        count = len(self.sets)
        self.changes.put_nowait({self.path / name for name in names})
        await self.until(lambda: len(self.sets) > count)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


async def running(watched: Watched, group: asyncio.TaskGroup) -> asyncio.Task[None]:
    """Run the source; returns when it has looked at the start, and again behind its watch."""
    looks = 2 if watched.path.exists() else 1
    task = group.create_task(watched.source.run())
    await watched.until(lambda: len(watched.sets) >= looks)
    return task


async def test_every_file_counts_in_byte_order_but_hidden_ones(watched: Watched) -> None:  # L-4
    for name in ("b.yaml", "a", "pod.bak", "B", ".hidden.yaml"):
        stem = name.strip(".").partition(".")[0].lower() + ("2" if name == "B" else "")
        (watched.path / name).write_text(a_manifest(stem))
    (watched.path / "directory").mkdir()
    (watched.path / "directory" / "c.yaml").write_text(a_manifest("c"))
    (watched.path / "linked").symlink_to(watched.path / "directory" / "c.yaml")
    os.mkfifo(watched.path / "fifo")
    (watched.path / "broken.yaml").write_text("kind: Pod")
    await watched.source.look()
    assert watched.names == ["b2-node", "a-node", "b-node", "c-node", "pod-node"]  # L-5, L-6


async def test_a_missing_path_is_an_empty_set(tmp_path: Path) -> None:  # L-3
    watched = Watched(tmp_path / "none")
    await watched.source.look()
    assert watched.sets == [[]]


async def test_what_is_neither_directory_nor_file_says_nothing(tmp_path: Path) -> None:  # L-3
    os.mkfifo(tmp_path / "fifo")
    watched = Watched(tmp_path / "fifo")
    await watched.source.look()
    assert watched.sets == []


async def test_the_same_content_is_the_same_pod(watched: Watched) -> None:  # L-22
    (watched.path / "web.yaml").write_text(a_manifest())
    await watched.source.look()
    await watched.clock.advance(5)
    (watched.path / "web.yaml").write_text(a_manifest())
    await watched.source.look()
    (first,), (second,) = watched.sets
    seen = "kubernetes.io/config.seen"
    assert first.document == second.document
    assert first.document["metadata"]["annotations"][seen] == "2026-01-01T00:00:00.000000000Z"


async def test_of_two_pods_of_one_name_the_first_wins(watched: Watched) -> None:  # L-17
    (watched.path / "1.yaml").write_text(a_manifest())
    (watched.path / "2.yaml").write_text(a_manifest().replace("[run]", "[ran]"))
    await watched.source.look()
    await watched.source.look()
    (desired,) = watched.sets[-1]
    assert desired.pod.spec.containers[0].command == ("run",)
    (draft,) = watched.drafts
    assert draft.reason == "FailedValidation"
    assert draft.message == (
        f"Error validating pod web-node_default({draft.pod.uid}) from file due to duplicate pod "
        'name "web-node", ignoring'
    )


async def test_an_invalid_edit_changes_nothing_until_the_next_look(watched: Watched) -> None:
    file = watched.path / "web.yaml"  # L-19, L-20
    file.write_text(a_manifest())
    async with asyncio.TaskGroup() as group:
        task = await running(watched, group)
        file.write_text("kind: Pod\n")
        await watched.changed("web.yaml")
        assert watched.names == ["web-node"]
        (text,) = watched.told()
        assert text.startswith(f"web-node InvalidManifest: {file}: couldn't parse as pod(")
        assert text.endswith("goes on until the next look at the directory")
        count = len(watched.sets)
        await watched.clock.advance(20)
        await watched.until(lambda: len(watched.sets) > count)
        assert watched.names == []
        assert watched.told()[1].endswith("the pod of its last valid version is removed")
        task.cancel()


async def test_one_changed_file_is_read_alone(watched: Watched) -> None:  # L-19, L-21
    (watched.path / "web.yaml").write_text(a_manifest())
    async with asyncio.TaskGroup() as group:
        task = await running(watched, group)
        (watched.path / "web.yaml").write_text(a_manifest().replace("[run]", "[ran]"))
        (watched.path / "new.yaml").write_text(a_manifest("new"))
        await watched.changed("new.yaml", ".web.yaml.swp")
        assert watched.names == ["new-node", "web-node"]
        assert watched.sets[-1][1].pod.spec.containers[0].command == ("run",)
        (watched.path / "web.yaml").unlink()
        await watched.changed("web.yaml")
        assert watched.names == ["new-node"]
        task.cancel()


async def test_a_single_file_keeps_its_pod_while_it_is_invalid(tmp_path: Path) -> None:  # L-20
    file = tmp_path / "web.yaml"
    file.write_text(a_manifest())
    watched = Watched(file)
    await watched.source.look()
    file.write_text("nonsense")
    await watched.source.look()
    assert watched.names == ["web-node"]
    assert watched.told()[0].endswith("the pod of its last valid version goes on")
    file.unlink()
    await watched.source.look()
    assert watched.names == []


async def test_a_directory_that_comes_later_is_found(tmp_path: Path) -> None:  # L-18
    watched = Watched(tmp_path / "later")
    async with asyncio.TaskGroup() as group:
        task = await running(watched, group)
        watched.path.mkdir()
        (watched.path / "web.yaml").write_text(a_manifest())
        count = len(watched.sets)
        await watched.clock.advance(1)
        await watched.until(lambda: len(watched.sets) > count)
        assert watched.names == ["web-node"]
        task.cancel()


async def test_without_a_watch_the_directory_is_still_looked_at(watched: Watched) -> None:
    async def no_watch(path: Path) -> AsyncIterator[Iterable[Path]]:  # L-2
        raise OSError("no more inotify instances")
        yield ()

    watched.source._changes = no_watch
    async with asyncio.TaskGroup() as group:
        task = await running(watched, group)
        await watched.clock.advance(1)
        (watched.path / "web.yaml").write_text(a_manifest())
        count = len(watched.sets)
        await watched.clock.advance(20)
        await watched.until(lambda: len(watched.sets) > count and watched.names == ["web-node"])
        task.cancel()


async def test_a_directory_that_cannot_be_read_changes_nothing(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    (watched.path / "web.yaml").write_text(a_manifest())
    await watched.source.look()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", _refuse)
        await watched.source.look()
    assert watched.names == ["web-node"]
    assert len(watched.sets) == 1


def _refuse(path: Path) -> list[Path]:
    raise PermissionError(13, "Permission denied", str(path))


async def test_the_system_tells_of_every_kind_of_change(tmp_path: Path) -> None:  # L-18
    """With the real watch: created, replaced by rename, removed."""
    directory = tmp_path / "manifests"
    directory.mkdir()
    watched = Watched(directory)
    source = FileSource(
        directory,
        "node",
        clock=watched.clock,
        publish=watched._publish,
        write_event=watched.drafts.append,
        changes=file_changes,
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(source.run())
        await watched.until(lambda: len(watched.sets) >= 2)
        (directory / "web.yaml").write_text(a_manifest())
        await watched.until(lambda: watched.names == ["web-node"])
        (tmp_path / "new").write_text(a_manifest("moved"))
        (tmp_path / "new").rename(directory / "web.yaml")
        await watched.until(lambda: watched.names == ["moved-node"])
        (directory / "web.yaml").unlink()
        await watched.until(lambda: watched.names == [])
        (directory / "web.yaml").write_text(a_manifest())
        await watched.until(lambda: watched.names == ["web-node"])
        shutil.rmtree(directory)
        await watched.until(lambda: watched.names == [])
        task.cancel()
