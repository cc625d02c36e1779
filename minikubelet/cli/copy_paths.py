"""The words of `cp`: `[[NAMESPACE/]POD:]PATH`. Pure.

Upstream: kubectl pkg/cmd/cp `extractFileSpec`. Differs: what begins with `/` or `.` is a local
file, whatever colons it has.
"""

from __future__ import annotations

import posixpath

from minikubelet.value_class import dataclass


class PathError(Exception):
    """The text is for the user."""


@dataclass(frozen=True, slots=True)
class CopyPath:
    """A file here, or in a Pod if one is named."""

    path: str
    pod: str = ""
    namespace: str = ""


def parse_copy_path(word: str) -> CopyPath:
    """Raises PathError."""
    pod, colon, path = word.partition(":")
    if not colon or word.startswith(("/", ".")):
        if not word:
            raise PathError("filepath can not be empty")
        return CopyPath(word)
    namespace, slash, name = pod.rpartition("/")
    if not name or "/" in namespace or (slash and not namespace):
        raise PathError("filespec must match the canonical format: [[namespace/]pod:]file/path")
    if not path:
        raise PathError("filepath can not be empty")
    return CopyPath(path, name, namespace)


def directory_and_name(path: str) -> tuple[str, str]:
    """Where tar is to begin, and what it is to take from there. The name is never an option, never
    absolute, and has no `..` in it."""
    head, tail = posixpath.split(posixpath.normpath(path))
    if tail in ("", ".", ".."):
        return posixpath.normpath(path), "."
    return head or ".", f"./{tail}"
