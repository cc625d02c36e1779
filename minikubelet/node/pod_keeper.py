"""The records of workers as files.

Role: `pods/<uid>/pod.json` holds the Pod and where it came from, `pods/<uid>/worker.json` what its
worker knows. Each is written beside its place and renamed, so a reader sees all of it or what was
there before. No fsync: a killed process loses nothing by that, and after a power failure the host
has booted anew, when little of a record counts; a torn file is noticed then.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

from minikubelet.manifest.json_tree import Json
from minikubelet.node.pod_record import FORMAT, PodRecord
from minikubelet.node.record_json import decode, encode
from minikubelet.runtime.layout import Layout, make_dir
from minikubelet.value_class import dataclass

POD_FILE, WORKER_FILE = "pod.json", "worker.json"

_encode = json.JSONEncoder(separators=(",", ":")).encode


class RecordError(Exception):
    """A file that is there, and does not hold what it should."""


class LaterFormatError(Exception):
    """A later version of this program has written a file, and may have changed what it means."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"a newer minikubelet wrote {path} (format {found}, this one knows {known}): use that "
            "version. Nothing was changed, and what runs goes on"
        )


@dataclass(frozen=True, slots=True)
class DiskKeeper:
    """A `PodKeeper`."""

    layout: Layout

    def save_pod(self, uid: str, document: Json, source: str) -> None:
        self._write(uid, POD_FILE, {"source": source, "pod": document})

    def save(self, record: PodRecord) -> None:
        self._write(record.uid, WORKER_FILE, {"worker": encode(record)})

    def _write(self, uid: str, name: str, members: dict[str, Any]) -> None:
        directory = self.layout.pod_dir(uid)
        make_dir(directory, 0o711)
        path, temporary = directory / name, directory / f"{name}.tmp"
        data = _encode({"format": FORMAT, **members}).encode("ascii")
        # Manifests hold secrets in their environment.
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb", buffering=0) as file:
            written = file.write(data)
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))
        temporary.rename(path)


def definition_of(document: Json) -> Json:
    """What is worth keeping of a Pod: not what changes with each of its statuses."""
    metadata = document.get("metadata") or {}
    kept = {k: v for k, v in metadata.items() if k not in ("resourceVersion", "managedFields")}
    return {**{k: v for k, v in document.items() if k != "status"}, "metadata": kept}


def read_pod(pod_dir: Path) -> tuple[Json, str]:
    """The Pod and its source. Raises FileNotFoundError, RecordError."""
    document = _read(pod_dir / POD_FILE)
    pod, source = document.get("pod"), document.get("source")
    if not isinstance(pod, dict) or not isinstance(source, str):
        raise RecordError("it holds no Pod")
    return pod, source


def read_worker(pod_dir: Path) -> PodRecord:
    """Raises FileNotFoundError, RecordError."""
    document = _read(pod_dir / WORKER_FILE)
    try:
        return decode(PodRecord, document.get("worker"))
    except ValueError as error:
        raise RecordError(str(error)) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise RecordError(str(error)) from error
    if not isinstance(document, dict):
        raise RecordError("it is no JSON object")
    found = document.get("format")
    if isinstance(found, int) and found > FORMAT:
        raise LaterFormatError(path, found, FORMAT)
    if found != FORMAT:
        raise RecordError(f"its format is {found!r}, not {FORMAT}")
    return document
