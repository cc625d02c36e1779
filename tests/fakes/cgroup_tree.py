"""A v2 control group hierarchy in memory, with the kernel's rules about who may do what."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Group:
    """One group. `enabled` is its cgroup.subtree_control; `files` what was set in it."""

    enabled: set[str] = field(default_factory=set)
    pids: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    delegated: bool = False
    writable: bool = True


class FakeCgroupTree:
    """The hierarchy at `root`, which has the given controllers."""

    def __init__(self, root: str, controllers: Iterable[str] = ("cpu", "memory", "pids")) -> None:
        self.groups: dict[str, Group] = {root: Group()}
        self._root = root
        self._controllers = set(controllers)

    def read(self, path: str) -> str | None:
        at, name = os.path.split(path)
        group = self.groups.get(at)
        if group is None:
            return None
        match name:
            case "cgroup.subtree_control":
                return " ".join(sorted(group.enabled)) + "\n"
            case "cgroup.procs":
                return "".join(f"{pid}\n" for pid in group.pids)
        return group.files.get(name)

    def write(self, path: str, text: str) -> None:
        at, name = os.path.split(path)
        group = self._group(at)
        if not group.writable:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        match name:
            case "cgroup.subtree_control":
                self._enable(at, group, text.removeprefix("+"))
            case "cgroup.procs":
                self._move(at, group, text)
            case _:
                if name.partition(".")[0] not in {"cgroup", *self._available(at)}:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                group.files[name] = text

    def make_dir(self, path: str) -> bool:
        parent = self.groups.get(os.path.dirname(path))
        if path in self.groups:
            return True
        if parent is None or not parent.writable:
            return False
        self.groups[path] = Group()
        return True

    def remove_dir(self, path: str) -> None:
        if self._group(path).pids or self.children(path):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        del self.groups[path]

    def children(self, path: str) -> list[str]:
        return [other for other in self.groups if os.path.dirname(other) == path]

    def exists(self, path: str) -> bool:
        return path in self.groups

    def may_write(self, path: str) -> bool:
        return self._group(os.path.dirname(path)).writable

    def is_delegated(self, path: str) -> bool:
        return self._group(path).delegated

    def _group(self, path: str) -> Group:
        if path not in self.groups:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self.groups[path]

    def _available(self, path: str) -> set[str]:
        if path == self._root:
            return self._controllers
        return self.groups[os.path.dirname(path)].enabled

    def _enable(self, path: str, group: Group, controller: str) -> None:
        if controller not in self._available(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if group.pids and path != self._root:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        group.enabled.add(controller)

    def _move(self, path: str, group: Group, pid: str) -> None:
        if group.enabled and path != self._root:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        for other in self.groups.values():
            if pid in other.pids:
                other.pids.remove(pid)
        group.pids.append(pid)
