"""The static manifest directory, or a single file (L-1 … L-21).

Role: reads it at start, when something in it changes, and every 20 s; publishes the whole set.
Invariants: what an event says concerns one file, and an invalid one changes nothing then; a look at
the whole directory has the last word, so a file that is still invalid then loses its pod (L-20),
which is told by Events at both moments. Reading happens off the event loop.
Upstream: kubernetes pkg/kubelet/config, file.go and file_linux.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from minikubelet.clock import Clock, Wakeup
from minikubelet.events import EventDraft, EventType, Reason
from minikubelet.journal import PodRef
from minikubelet.log import get_logger
from minikubelet.manifest.static_pods import seen_at
from minikubelet.node.desired import DesiredPod, PodSourceName
from minikubelet.node.sources.manifest_files import (
    ManifestDirectoryError,
    ReadFile,
    list_manifests,
    read_file,
)
from minikubelet.node.sources.static_manifest import StaticManifest
from minikubelet.value_class import dataclass

POLL_SECONDS = 20.0
INVALID_MANIFEST = "InvalidManifest"
"""Ours: what is to become of a pod whose manifest cannot be used any more."""

log = get_logger(__name__)

Changes = Callable[[Path], AsyncIterator[Iterable[Path]]]
"""Tells which files changed, from its first step on and for as long as it can; implemented by
`file_changes.py`."""


@dataclass(frozen=True, slots=True)
class _Seen:
    desired: DesiredPod
    time: datetime


class FileSource:
    """`publish` gets all pods of the directory each time; `write_event` what people should know."""

    def __init__(
        self,
        path: Path,
        node_name: str,
        *,
        clock: Clock,
        publish: Callable[[PodSourceName, Iterable[DesiredPod]], None],
        write_event: Callable[[EventDraft], object],
        changes: Changes,
    ) -> None:
        self._path = path.absolute()
        self._node_name = node_name
        self._clock = clock
        self._publish = publish
        self._write_event = write_event
        self._changes = changes
        self._manifests: dict[Path, StaticManifest] = {}
        self._broken: dict[Path, str] = {}
        """What was told of files that cannot be used."""
        self._seen: dict[str, _Seen] = {}
        self._ignored: set[str] = set()
        self._trouble = ""
        self._changed: set[Path] = set()
        self._wakeup = Wakeup(clock)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_changes(), name=f"changes of {self._path}")
            while True:
                await self.look()
                await self._until_next_look()

    async def look(self) -> None:
        """Read everything (L-2, L-3, L-20)."""
        self._changed.clear()
        try:
            paths = await asyncio.to_thread(list_manifests, self._path)
        except ManifestDirectoryError as error:
            self._tell_trouble(str(error))
            return
        if paths is None:
            self._tell_trouble("path does not exist, ignoring", is_missing=True)
        else:
            self._tell_trouble("")
        reads = await self._read(paths or ())
        if self._is_single_file(paths) and any(read.error for read in reads.values()):
            for path, read in reads.items():
                self._note_broken(path, read.error, stays=True)
            return
        before, self._manifests = self._manifests, {}
        for path, read in reads.items():
            if read.manifest is None:
                self._note_broken(path, read.error, stays=False, before=before.get(path))
            else:
                self._take(path, read.manifest)
        for path in self._broken.keys() - reads.keys():
            del self._broken[path]
        self._publish_all()

    async def _until_next_look(self) -> None:
        """Meanwhile take one file after the other that changes (L-19, L-21)."""
        next_look = self._clock.monotonic() + POLL_SECONDS
        while self._clock.monotonic() < next_look:
            await self._wakeup.wait(next_look)
            self._wakeup.clear()
            changed, self._changed = self._changed, set()
            if changed:
                await self._look_at(changed)

    async def _look_at(self, changed: set[Path]) -> None:
        if self._path in changed:  # the directory itself came, went or was replaced
            await self.look()
            return
        wanted = sorted(p for p in changed if p.parent == self._path and p.name[:1] != ".")
        for path, read in (await self._read(wanted)).items():
            if read.manifest is not None:
                self._take(path, read.manifest)
            elif read.gone:
                self._manifests.pop(path, None)
                self._broken.pop(path, None)
            else:
                self._note_broken(path, read.error, stays=True)
        self._publish_all()

    async def _follow_changes(self) -> None:
        """L-18: tried again every second for a missing path, else ever more seldom."""
        pause = 1.0
        while True:
            # What changed between the last look and the first step of the watch is seen by another
            # look, which begins after that step.
            if self._path.exists():
                asyncio.get_running_loop().call_soon(self._mark, self._path)
            try:
                async for changed in self._changes(self._path):
                    pause = 1.0
                    self._changed.update(changed)
                    self._wakeup.set()
                self._mark(self._path)  # it is gone
            except FileNotFoundError:
                pause = 1.0
            except OSError as error:
                log.warning("cannot watch manifests", path=self._path, error=error)
                pause = min(2 * pause, POLL_SECONDS)
            await self._clock.sleep(pause)

    def _mark(self, path: Path) -> None:
        self._changed.add(path)
        self._wakeup.set()

    async def _read(self, paths: Iterable[Path]) -> Mapping[Path, ReadFile]:
        paths = tuple(paths)
        return await asyncio.to_thread(
            lambda: {path: read_file(path, self._node_name) for path in paths}
        )

    def _is_single_file(self, paths: Iterable[Path] | None) -> bool:
        return paths is not None and list(paths) == [self._path]

    # --- the set

    def _take(self, path: Path, manifest: StaticManifest) -> None:
        if self._manifests.get(path) != manifest:
            self._manifests[path] = manifest
        self._broken.pop(path, None)

    def _publish_all(self) -> None:
        """By path (L-4); of two pods of one name the first wins (L-17)."""
        names: set[tuple[str, str]] = set()
        wanted: dict[str, _Seen] = {}
        ignored: set[str] = set()
        for path in sorted(self._manifests, key=lambda path: bytes(path)):
            manifest = self._manifests[path]
            meta = manifest.pod.metadata
            if (meta.namespace, meta.name) in names or meta.uid in wanted:
                ignored.add(meta.uid)
                if meta.uid not in self._ignored:
                    self._tell_duplicate(manifest)
                continue
            names.add((meta.namespace, meta.name))
            wanted[meta.uid] = self._as_seen(manifest)
        self._seen, self._ignored = wanted, ignored
        self._publish(PodSourceName.FILE, [seen.desired for seen in wanted.values()])

    def _as_seen(self, manifest: StaticManifest) -> _Seen:
        """The same value for the same content, so that nothing seems to change."""
        known = self._seen.get(manifest.pod.metadata.uid)
        if known is not None and known.desired.pod is manifest.pod:
            return known
        time = known.time if known else self._clock.now()
        if known is None:
            for warning in manifest.warnings:
                log.warning("manifest warning", pod=manifest.pod.description, warning=warning)
        document = seen_at(manifest.document, time)
        return _Seen(DesiredPod(manifest.pod, document, PodSourceName.FILE), time)

    # --- telling

    def _tell_trouble(self, trouble: str, *, is_missing: bool = False) -> None:
        if trouble and trouble != self._trouble:
            # Nothing is lost where nothing was, as on the first day.
            tell = log.warning if self._manifests or not is_missing else log.info
            tell("cannot read manifests", path=self._path, why=trouble)
        self._trouble = trouble

    def _note_broken(
        self, path: Path, why: str, *, stays: bool, before: StaticManifest | None = None
    ) -> None:
        known = before or self._manifests.get(path)
        if known is not None:
            end = "the pod of its last valid version "
            end += "goes on until the next look at the directory" if stays else "is removed"
            if self._is_single_file([path]):
                end = "the pod of its last valid version goes on"
            if not stays or self._broken.get(path) != why:
                self._event(known, INVALID_MANIFEST, f"{why}; {end}")
        if self._broken.get(path) != why:
            log.error("cannot use manifest", file=path, why=why)
        self._broken[path] = why

    def _tell_duplicate(self, manifest: StaticManifest) -> None:
        pod = manifest.pod
        self._event(
            manifest,
            Reason.FAILED_VALIDATION,
            f"Error validating pod {pod.description} from {PodSourceName.FILE} due to duplicate "
            f'pod name "{pod.metadata.name}", ignoring',
        )

    def _event(self, manifest: StaticManifest, reason: str, message: str) -> None:
        self._write_event(
            EventDraft(
                at=self._clock.now(),
                pod=PodRef.of(manifest.pod.metadata),
                type=EventType.WARNING,
                reason=reason,
                message=message,
            )
        )
