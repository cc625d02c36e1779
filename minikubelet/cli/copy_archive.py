"""The archives of `cp`: a tree packed into a stream, a stream unpacked into a tree.

Role: tar as a stream, in GNU's form, which small tars understand too.
Invariants: whatever an archive holds, nothing is written outside the target: names and links are
judged by the `data` filter, and links are made last, so that no file goes through one.
"""

from __future__ import annotations

import os
import posixpath
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

Warn = Callable[[str], None]


def pack(source: str, name: str, stream: BinaryIO) -> None:
    """The tree at `source`, called `name` in the archive. Raises OSError."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as archive:
        # A link that is named is followed, links below it are kept. However deep the tree is.
        left = [(os.path.realpath(source), name)]
        while left:
            path, called = left.pop()
            archive.add(path, called, recursive=False)
            if os.path.isdir(path) and not os.path.islink(path):
                entries = sorted(os.listdir(path), reverse=True)
                left += [(f"{path}/{entry}", f"{called}/{entry}") for entry in entries]


class Unpacker:
    """Of an archive that holds `name` and what is below it; that becomes `target`, or, if it is a
    file and `target` a directory, a file in it."""

    def __init__(self, name: str, target: str, warn: Warn) -> None:
        self._name = posixpath.normpath(name)
        self._target = target
        self._warn = warn
        self._root = Path()
        self._top = ""
        """What `name` is called below the root; empty if it is the root itself."""
        self._links: list[tarfile.TarInfo] = []
        self._begun = False

    def unpack(self, stream: BinaryIO) -> bool:
        """Whether there was anything. Raises OSError, TarError."""
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                self._begin(is_directory=member.isdir())
                if (placed := self._placed(member)) is not None:
                    self._unpack(archive, placed)
        for link in self._links:
            self._make_link(link)
        return self._begun

    def _begin(self, *, is_directory: bool) -> None:
        """The first member decides: it is what was asked for."""
        if self._begun:
            return
        self._begun = True
        if is_directory:
            self._root = Path(self._target)
        elif os.path.isdir(self._target) or self._target.endswith("/"):
            self._root, self._top = Path(self._target), posixpath.basename(self._name)
        else:
            self._root, self._top = Path(self._target).parent, Path(self._target).name
        self._root.mkdir(parents=True, exist_ok=True)

    def _placed(self, member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        """The member below our root; None if it may not be there."""
        name = self._below(member.name)
        if name is None:
            self._warn(f"warning: {member.name!r} is outside of what was asked for, skipping")
            return None
        link = self._below(member.linkname) if member.islnk() else member.linkname
        if link is None:
            self._warn(f"warning: {member.name!r} is a link to outside, skipping")
            return None
        try:
            renamed = member.replace(name=name or ".", linkname=link, deep=False)
            return tarfile.data_filter(renamed, str(self._root))
        except tarfile.FilterError as err:
            self._warn(f"warning: skipping {member.name!r}: {err}")
            return None

    def _below(self, name: str) -> str | None:
        """A name of the archive, relative to our root."""
        path = posixpath.normpath(name)
        if self._name == "." and not path.startswith(("/", "../")) and path != "..":
            return path if path != "." else ""
        if path == self._name:
            return self._top
        prefix = f"{self._name}/"
        if not path.startswith(prefix):
            return None
        return posixpath.join(self._top, path.removeprefix(prefix))

    def _unpack(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        if member.issym():
            self._links.append(member)
        elif member.islnk():
            self._make_link(member)
        else:
            archive.extract(member, self._root, filter="data")

    def _make_link(self, member: tarfile.TarInfo) -> None:
        """The tree has grown since the link was judged."""
        try:
            tarfile.data_filter(member, str(self._root))
        except tarfile.FilterError as err:
            self._warn(f"warning: skipping {member.name!r}: {err}")
            return
        path = self._root / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.is_file():
            path.unlink()
        if member.issym():
            path.symlink_to(member.linkname)
        else:
            os.link(self._root / member.linkname, path, follow_symlinks=False)
