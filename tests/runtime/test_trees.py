"""Removing and measuring trees, whatever is in them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from minikubelet.runtime.trees import remove_tree, tree_usage
from tests.deep_trees import dig
from tests.runtime.namespaces import NOBODY, in_child, needs_root


def _fill(top: Path) -> None:
    for number in range(3000):
        (top / f"file-{number}").touch()


def _lock(top: Path) -> None:
    (top / "locked" / "inner").mkdir(parents=True)
    (top / "locked" / "inner" / "file").touch()
    (top / "locked" / "inner").chmod(0)
    (top / "locked").chmod(stat.S_IRUSR)


def _occupy(top: Path) -> None:
    """The names that removal uses for what it moves."""
    (top / ".removing-0").write_text("")
    (top / ".removing-1" / "x").mkdir(parents=True)
    (top / "a" / "b" / "c").mkdir(parents=True)


def _link(top: Path) -> None:
    (top / "kept").symlink_to(top.parent / "kept")
    (top / "dangling").symlink_to("nowhere")
    os.mkfifo(top / "fifo")


@pytest.mark.parametrize(
    "fill",
    [
        pytest.param(_fill, id="thousands of files"),
        pytest.param(dig, id="deeper than a path can name"),
        pytest.param(_lock, id="directories that their owner cannot read"),
        pytest.param(_occupy, id="entries with the names that removal uses"),
        pytest.param(_link, id="links and pipes"),
    ],
)
@pytest.mark.parametrize(
    "user",
    [
        pytest.param(None, id="as we are"),
        pytest.param(NOBODY, id="as an ordinary user", marks=[pytest.mark.root, needs_root]),
    ],
)
def test_everything_goes(open_dir: Path, fill: object, user: int | None) -> None:
    (open_dir / "kept").mkdir()
    (open_dir / "kept" / "precious").touch()
    top = open_dir / "top"

    def work() -> None:
        assert callable(fill)
        top.mkdir()
        fill(top)
        remove_tree(top)

    in_child(work, user)
    assert sorted(os.listdir(open_dir)) == ["kept"]
    assert os.listdir(open_dir / "kept") == ["precious"]


def test_a_tree_that_is_not_there(tmp_path: Path) -> None:
    remove_tree(tmp_path / "none")


def test_a_link_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        remove_tree(tmp_path / "link")
    assert (tmp_path / "real").is_dir()


def test_usage_counts_blocks_once(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(100_000))
    os.link(tmp_path / "data", tmp_path / "again")
    (tmp_path / "out").symlink_to("/usr")
    expected = sum(p.lstat().st_blocks for p in (tmp_path, tmp_path / "data", tmp_path / "out"))
    assert tree_usage(tmp_path) == expected * 512


def test_usage_of_nothing(tmp_path: Path) -> None:
    assert tree_usage(tmp_path / "none") == 0
