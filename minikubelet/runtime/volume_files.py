"""Volumes whose files come from objects, written so that all of them change at once (L-146).

The layout: the files in a directory `..<timestamp>.<random>`, a link `..data` to it, and a link
`<name>` to `..data/<name>` per top-level name. An update writes a new directory and swaps `..data`
by a rename, so a reader sees all files of one generation.
Invariants: content that has not changed is not written again; whatever a crash has left over is
removed by the next update.
Upstream: pkg/volume/util/atomic_writer.go.
"""

from __future__ import annotations

import os
import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from minikubelet.pod.volume_payload import Payload
from minikubelet.runtime.trees import remove_tree

DATA = "..data"
_NEW_DATA = "..data_tmp"
_GROUP_MAY_READ = 0o440


def write_payload(volume: Path, payload: Payload, group: int | None) -> bool:
    """Make the files of the existing directory `volume` those of `payload`; whether they changed.

    `group` is the fsGroup: files belong to it and are readable for it. Raises OSError.
    """
    current = _current(volume)
    changed = current is None or not _holds(volume / current, payload, group)
    if changed:
        current = _write_generation(volume, payload, group)
        link = volume / _NEW_DATA
        link.unlink(missing_ok=True)
        link.symlink_to(current)
        link.rename(volume / DATA)
    _show(volume, {path.partition("/")[0] for path in payload})
    for entry in volume.iterdir():
        if entry.name.startswith("..") and entry.name not in (DATA, current):
            _discard(entry)
    return changed


def _current(volume: Path) -> str | None:
    try:
        name = os.readlink(volume / DATA)
    except FileNotFoundError:
        return None
    return name if (volume / name).is_dir() else None


def _holds(generation: Path, payload: Payload, group: int | None) -> bool:
    """Whether the directory has exactly these files, contents and modes."""
    found = {
        os.path.relpath(os.path.join(directory, name), generation)
        for directory, _, names in os.walk(generation)
        for name in names
    }
    if found != {os.path.normpath(path) for path in payload}:
        return False
    for path, file in payload.items():
        mode = stat.S_IMODE((generation / path).lstat().st_mode)
        if mode != _file_mode(file.mode, group) or (generation / path).read_bytes() != file.data:
            return False
    return True


def _write_generation(volume: Path, payload: Payload, group: int | None) -> str:
    made = Path(tempfile.mkdtemp(prefix="..new.", dir=volume))
    written = datetime.fromtimestamp(made.stat().st_mtime, UTC)
    made.chmod(0o755)
    for path, file in payload.items():
        target = made / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
        target.chmod(_file_mode(file.mode, group))
    for directory, _, names in os.walk(made):
        os.chmod(directory, 0o755)
        if group is not None:
            own_by_group(Path(directory), group)
            for name in names:
                os.chown(os.path.join(directory, name), -1, group, follow_symlinks=False)
    final = f"..{written:%Y_%m_%d_%H_%M_%S}.{made.name.removeprefix('..new.')}"
    made.rename(volume / final)
    return final


def own_by_group(directory: Path, group: int) -> None:
    """Give a directory to the fsGroup, and what is made in it later (L-151)."""
    os.chown(directory, -1, group)
    directory.chmod(stat.S_IMODE(directory.stat().st_mode) | stat.S_ISGID | 0o550)


def _file_mode(mode: int, group: int | None) -> int:
    return mode if group is None else mode | _GROUP_MAY_READ


def _show(volume: Path, names: set[str]) -> None:
    """Have a link for each top-level name, and no other."""
    for entry in volume.iterdir():
        if not entry.name.startswith("..") and entry.name not in names:
            _discard(entry)
    for name in names:
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"{DATA}/{name}")


def _discard(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        remove_tree(entry)
    else:
        entry.unlink()
