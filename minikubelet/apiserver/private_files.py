"""Files that only the daemon's user may read: keys, tokens, the kubeconfig.

Invariants: a file is 0600 from its first byte on, a directory made here 0700; a reader finds the
old content or the new, never a part.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def make_private_dir(path: Path) -> None:
    """With its parents; one that exists keeps its mode. Raises OSError."""
    missing = []
    at = path
    while not at.exists():
        missing.append(at)
        at = at.parent
    for directory in reversed(missing):
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)


def write_private(path: Path, data: bytes) -> None:
    """Raises OSError."""
    # A link keeps pointing where its owner wants it.
    path = Path(os.path.realpath(path))
    make_private_dir(path.parent)
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
