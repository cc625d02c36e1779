"""A process runtime, and directories for tests that become another user."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.runtime.harness import Harness, a_harness


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with a_harness(tmp_path) as harness:
        yield harness


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
