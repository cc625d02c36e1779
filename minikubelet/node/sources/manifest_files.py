"""Which files of the manifest directory count, and what is in them (L-3 … L-7).

Role: the disk side of the static source; runs in threads.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from minikubelet.log import get_logger
from minikubelet.node.sources.static_manifest import (
    MAX_BYTES,
    StaticManifest,
    StaticManifestError,
    read_static_manifest,
)
from minikubelet.value_class import dataclass

log = get_logger(__name__)


class ManifestDirectoryError(Exception):
    """The path cannot be read, so nothing is known of its pods."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A pod, or why there is none; `gone`: there is no file any more."""

    manifest: StaticManifest | None = None
    error: str = ""
    gone: bool = False


def list_manifests(path: Path) -> list[Path] | None:
    """The files in byte order, or the path itself when it is one; None when there is no such path.

    Raises ManifestDirectoryError.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return [path]
        if not stat.S_ISDIR(mode):
            raise ManifestDirectoryError("path is not a directory or file")
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestDirectoryError(str(error)) from error
    return [entry for entry in sorted(entries, key=bytes) if not entry.is_dir()]


def _open_at_once(path: str, flags: int) -> int:
    """A FIFO without a writer must not hold the reader up."""
    return os.open(path, flags | os.O_NONBLOCK)


def read_file(path: Path, node_name: str) -> ReadFile:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return ReadFile(error=f"{path}: not a regular file")
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        if path.is_symlink():
            return ReadFile(error=f"{path}: {os.strerror(errno.ENOENT)}: {os.readlink(path)}")
        return ReadFile(gone=True)
    except OSError as error:
        return ReadFile(error=f"{path}: {error.strerror}")
    try:
        return ReadFile(read_static_manifest(data, str(path), node_name))
    except StaticManifestError as error:
        return ReadFile(error=str(error))
    except Exception as error:
        # A text that nobody thought of must not take the node down.
        log.exception("cannot read manifest", file=path)
        return ReadFile(error=f"{path}: cannot be read: {error!r}")
