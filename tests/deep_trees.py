"""Directories that a container may have dug, and that not everybody can remove."""

from __future__ import annotations

import os
from pathlib import Path


def dig(top: Path) -> None:
    """Deeper than a path may be long, and than Python's own removal can follow."""
    at = os.open(top, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deeper", dir_fd=at)
        below = os.open("deeper", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)
