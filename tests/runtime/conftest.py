"""Directories for tests that become another user."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user can reach; pytest's own are private."""
    path = Path(tempfile.mkdtemp(prefix="mount-test-"))
    path.chmod(0o777)
    yield path.resolve()
    shutil.rmtree(path)


@pytest.fixture
def volume(open_dir: Path) -> Path:
    """A directory for everybody, with a file `greeting`."""
    path = open_dir / "volume"
    path.mkdir()
    path.chmod(0o777)
    (path / "greeting").write_text("hello")
    return path
