"""What `cp` packs and unpacks; what a hostile archive cannot do."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from minikubelet.cli.copy_archive import Unpacker, pack
from minikubelet.cli.copy_paths import CopyPath, PathError, directory_and_name, parse_copy_path
from minikubelet.runtime.trees import remove_tree

Member = tuple[str, str, str]
"""Name, type, and content or link."""
_TYPES = {
    "file": tarfile.REGTYPE,
    "dir": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "link": tarfile.LNKTYPE,
    "fifo": tarfile.FIFOTYPE,
    "device": tarfile.CHRTYPE,
}


def archive(*members: Member) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = _TYPES[kind]
            info.mode = 0o755 if kind == "dir" else 0o640
            data = content.encode() if kind == "file" else b""
            info.size = len(data)
            info.linkname = "" if kind == "file" else content
            tar.addfile(info, io.BytesIO(data))
    stream.seek(0)
    return stream


def tree(root: Path) -> dict[str, str]:
    """Files with their content, links with their target."""
    return {
        str(path.relative_to(root)): (
            f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text()
        )
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def unpack(base: Path, target: str, name: str, *members: Member) -> list[str]:
    """The warnings."""
    warnings: list[str] = []
    Unpacker(name, str(base) + "/" + target, warnings.append).unpack(archive(*members))
    return warnings


@pytest.mark.parametrize(
    ("target", "members", "expected"),
    [
        pytest.param("new", [("./a", "file", "1")], {"new": "1"}, id="a file gets the name"),
        pytest.param(
            "there", [("./a", "file", "1")], {"there/a": "1"}, id="or goes into a directory"
        ),
        pytest.param("x/", [("./a", "file", "1")], {"x/a": "1"}, id="that the slash asks for"),
        pytest.param("x/y", [("a", "file", "1")], {"x/y": "1"}, id="below directories to be made"),
        pytest.param(
            "there",
            [
                ("./a/", "dir", ""),
                ("./a/b c", "file", "1"),
                ("./a/d/", "dir", ""),
                ("./a/d/-x", "file", "2"),
            ],
            {"there/b c": "1", "there/d/-x": "2"},
            id="a directory's content goes into the target",
        ),
        pytest.param(
            "new",
            [
                ("./a/", "dir", ""),
                ("./a/b", "file", "1"),
                ("./a/l", "symlink", "b"),
                ("./a/h", "link", "./a/b"),
            ],
            {"new/b": "1", "new/h": "1", "new/l": "-> b"},
            id="links within it are kept",
        ),
    ],
)
def test_unpacking(
    tmp_path: Path, target: str, members: list[Member], expected: dict[str, str]
) -> None:
    (tmp_path / "there").mkdir()
    assert unpack(tmp_path, target, "./a", *members) == []
    assert tree(tmp_path) == expected


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([("../out/x", "file", "bad")], id="a name that leads out"),
        pytest.param([("/tmp/../out/x", "file", "bad")], id="an absolute name"),
        pytest.param([("./a/../../out/x", "file", "bad")], id="a name that leads out from within"),
        pytest.param([("./b", "file", "bad")], id="a name that was not asked for"),
        pytest.param(
            [("./a/l", "symlink", "../../out"), ("./a/l/x", "file", "bad")],
            id="a link that leads out, and a file through it",
        ),
        pytest.param([("./a/l", "symlink", "OUT"), ("./a/l/x", "file", "bad")], id="absolute link"),
        pytest.param(
            [
                ("./a/one", "symlink", "."),
                ("./a/two", "symlink", "one/../.."),
                ("./a/two/x", "file", "bad"),
            ],
            id="a link that leads out through another one",
        ),
        pytest.param([("./a/h", "link", "../out/old")], id="a hard link to outside"),
        pytest.param(
            [("./a/l", "symlink", "../../out/old"), ("./a/h", "link", "./a/l")],
            id="a hard link to a link that leads out",
        ),
        pytest.param([("./a/f", "fifo", ""), ("./a/d", "device", "")], id="what is no file"),
    ],
)
def test_nothing_is_written_outside_of_the_target(tmp_path: Path, members: list[Member]) -> None:
    outside = tmp_path / "out"
    outside.mkdir()
    (outside / "old").write_text("old")
    placed = [(name, kind, content.replace("OUT", str(outside))) for name, kind, content in members]
    try:
        warnings = unpack(tmp_path, "target/a", "./a", ("./a/", "dir", ""), *placed)
    except OSError:
        warnings = ["an error"]
    assert tree(outside) == {"old": "old"}
    assert sorted(os.listdir(tmp_path)) == ["out", "target"]
    for path in (tmp_path / "target").rglob("*"):
        assert path.resolve().is_relative_to(tmp_path / "target"), path
    assert warnings or not any(kind == "fifo" for _, kind, _ in members)


def test_a_link_that_is_there_is_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "out"
    outside.mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "l").symlink_to(outside)
    warnings = unpack(tmp_path, "target", "./a", ("./a/", "dir", ""), ("./a/l/x", "file", "bad"))
    assert (tree(outside), len(warnings)) == ({}, 1)


def test_a_cut_archive_is_an_error(tmp_path: Path) -> None:
    whole = archive(("./a", "file", "x" * 2000)).getvalue()
    with pytest.raises(tarfile.TarError):
        Unpacker("./a", str(tmp_path / "a"), print).unpack(io.BytesIO(whole[:1500]))


def test_a_deep_tree_is_packed(tmp_path: Path) -> None:
    top, depth = tmp_path / "d", 1200
    try:
        for level in range(depth + 1):
            os.mkdir(f"{top}{'/a' * level}")
        packed = io.BytesIO()
        pack(str(top), "d", packed)
    finally:
        remove_tree(top)
    packed.seek(0)
    with tarfile.open(fileobj=packed) as tar:
        assert tar.getnames()[-1] == "d" + "/a" * depth


def test_packing(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "d").mkdir(parents=True)
    (source / "d" / "a b").write_text("1")
    (source / "l").symlink_to("d")
    named = tmp_path / "named"
    named.symlink_to(source)
    stream = io.BytesIO()
    pack(str(named), "etc", stream)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        listed = {member.name: member.linkname for member in tar}
    assert listed == {"etc": "", "etc/d": "", "etc/d/a b": "", "etc/l": "d"}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        pytest.param("a/b", CopyPath("a/b"), id="a local file"),
        pytest.param("web:/tmp/a:b", CopyPath("/tmp/a:b", "web"), id="in a Pod"),
        pytest.param("team/web:x", CopyPath("x", "web", "team"), id="of a namespace"),
        pytest.param("./a:b", CopyPath("./a:b"), id="a local file with a colon"),
        pytest.param(":x", None, id="no Pod"),
        pytest.param("/web:x", CopyPath("/web:x"), id="an absolute local file"),
        pytest.param("a/b/c:x", None, id="too many slashes"),
        pytest.param("web:", None, id="no path"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_paths(word: str, expected: CopyPath | None) -> None:
    try:
        assert parse_copy_path(word) == expected
    except PathError:
        assert expected is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/app", ("/etc", "./app")),
        ("app/", (".", "./app")),
        ("-x", (".", "./-x")),
        ("/", ("/", ".")),
        ("..", ("..", ".")),
        ("/a/../b", ("/", "./b")),
        (".", (".", ".")),
    ],
)
def test_where_tar_begins(path: str, expected: tuple[str, str]) -> None:
    assert directory_and_name(path) == expected
