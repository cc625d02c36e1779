"""A run's directory: there while it runs, gone afterwards, and swept when its owner died."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from minikubelet.cli.run_dir import PREFIX, layout_of, run_directory, sweep
from minikubelet.runtime.empty_dir import memory_dir
from tests.deep_trees import dig


def test_it_is_removed_when_the_run_ends(tmp_path: Path) -> None:
    with run_directory(tmp_path) as path:
        layout_of(path).pod_dir("u").mkdir()
        assert path.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_it_is_removed_when_the_run_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), run_directory(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_it_is_removed_however_deep_its_containers_have_dug(tmp_path: Path) -> None:
    with run_directory(tmp_path) as path:
        dig(path)
    assert list(tmp_path.iterdir()) == []


def test_other_users_can_pass_but_not_list(tmp_path: Path) -> None:
    with run_directory(tmp_path) as path:
        layout = layout_of(path)
        modes = [p.stat().st_mode & 0o777 for p in (path, layout.state_dir, layout.runtime_dir)]
    assert modes == [0o711, 0o711, 0o700]


def test_a_living_run_is_left_alone(tmp_path: Path) -> None:
    with run_directory(tmp_path) as path:
        sweep(tmp_path)
        assert path.is_dir()


def test_what_a_dead_run_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / f"{PREFIX}dead"
    left.mkdir()
    (left / "owner.lock").touch()
    in_memory = memory_dir(layout_of(left))
    (in_memory / "uid").mkdir(parents=True)
    with run_directory(tmp_path):
        assert not left.exists()
        assert not in_memory.exists()


def test_a_directory_without_a_lock_is_not_ours(tmp_path: Path) -> None:
    other = tmp_path / f"{PREFIX}other"
    other.mkdir()
    sweep(tmp_path)
    assert other.is_dir()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "owner.lock").touch()
    os.symlink(real, tmp_path / f"{PREFIX}link")
    sweep(tmp_path)
    assert (real / "owner.lock").exists()
