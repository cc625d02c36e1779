"""One daemon per state directory."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from minikubelet.daemon.lock import LockedError, locked


def test_the_second_daemon_learns_who_holds_the_directory(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(LockedError, match=rf"process {os.getpid()}\) uses {tmp_path}"),
        locked(tmp_path),
    ):
        pass


def test_the_lock_comes_free(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path):
            assert (tmp_path / "daemon.lock").read_text() == f"{os.getpid()}\n"


def test_a_full_disk_is_no_reason_not_to_have_it(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with (
            locked(tmp_path),
            pytest.raises(LockedError, match="another minikubelet daemon uses"),
            locked(tmp_path),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
