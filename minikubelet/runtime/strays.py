"""Containers that run and whose records are gone.

Role: end what is left of instances whose directory somebody has removed, so that nothing runs twice
and nothing keeps a port for ever. They are known by a variable that names their directory.
Invariants: only what names a directory of this layout, and one that is not there, is touched.
Blocks: not for the event loop.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from minikubelet.runtime.launcher import TERMINATION_LOG_VARIABLE
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.shim.survivors import kill_survivors

_MARK = f"{TERMINATION_LOG_VARIABLE}=".encode()
_NO_LIMITS = {"memory_limit_bytes": None, "cpu_limit_millis": None}


def end_strays(layout: Layout) -> list[tuple[Path, tuple[str, ...]]]:
    """The directories that were missing, with what was killed of each, as `pid name`."""
    missing = {log for log in _named_logs(layout) if not log.parent.is_dir()}
    ended = []
    for log in sorted(missing):
        launch = {"env": {TERMINATION_LOG_VARIABLE: str(log)}, **_NO_LIMITS}
        if killed := kill_survivors(str(log.parent), launch, None):
            ended.append((log.parent, tuple(killed)))
    return ended


def _named_logs(layout: Layout) -> Iterator[Path]:
    root = os.fsencode(layout.state_dir / "pods") + b"/"
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes()
        except OSError:
            continue  # somebody else's, or gone
        for entry in environment.split(b"\0"):
            if entry.startswith(_MARK + root):
                yield Path(os.fsdecode(entry.removeprefix(_MARK)))
