"""As whom a container runs (L-116).

Role: the ids that securityContext selects, and whether this process may take them. The host's user
and group databases stand where an image would bring its own.
Invariants: a setting is honored or refused with a reason, never ignored.
Upstream: kubernetes pkg/kubelet/kuberuntime, verifyRunAsNonRoot; containerd's CRI plugin, user and
groups.
"""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import Container, Pod, PodSecurityContext, SecurityContext
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom this process runs: what a container gets that asks for nothing."""

    user: int
    group: int
    groups: tuple[int, ...]

    @property
    def is_root(self) -> bool:
        return self.user == 0


@dataclass(frozen=True, slots=True)
class ProcessUser:
    """What to switch to before the program is run; None keeps what the process has."""

    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] | None = None
    home: str | None = None
    """Home directory of `user`; `/`, as in a cluster, for one that the host does not know."""
    name: str | None = None


def own_identity() -> Identity:
    return Identity(os.geteuid(), os.getegid(), tuple(os.getgroups()))


def process_user(pod: Pod, container: Container, own: Identity) -> ProcessUser:
    """The effective user of a container. Raises ContainerStartError."""
    shared = pod.spec.security_context or PodSecurityContext()
    context = container.security_context or SecurityContext()
    user = _first(context.run_as_user, shared.run_as_user)
    group = _first(context.run_as_group, shared.run_as_group)
    extra = shared.supplemental_groups
    if shared.fs_group is not None:
        extra = (*extra, shared.fs_group)
    if _first(context.run_as_non_root, shared.run_as_non_root):
        _verify_non_root(pod, container, user, own)
    if not own.is_root:
        _verify_own_ids(user, group, extra, own)
        return ProcessUser()
    if user is None:
        groups = None if group is None and not extra else _unique(group, *own.groups, *extra)
        return ProcessUser(group=group, groups=groups)
    account = _account(user)
    known_group = account.pw_gid if account else 0
    primary = known_group if group is None else group
    member_of = os.getgrouplist(account.pw_name, primary) if account else []
    return ProcessUser(
        user=user,
        group=primary,
        groups=_unique(primary, *member_of, *extra),
        home=account.pw_dir if account else "/",
        name=account.pw_name if account else None,
    )


def forbids_escalation(container: Container) -> bool:
    """Whether no process of the container may gain rights that its parent lacks: only where the
    manifest says so. Upstream: pkg/securitycontext, AddNoNewPrivileges."""
    context = container.security_context or SecurityContext()
    return context.allow_privilege_escalation is False


def may_read(path: Path, user: int, groups: tuple[int, ...]) -> bool:
    """Whether mode bits let `user` reach the file or directory and read it."""
    if user == 0:
        return True
    real = path.resolve()
    return _allowed(real, 0o4, user, groups) and all(
        _allowed(parent, 0o1, user, groups) for parent in real.parents
    )


def may_enter(path: Path, user: int, groups: tuple[int, ...]) -> bool:
    """Whether it is a directory, and mode bits let `user` be in it."""
    real = path.resolve()
    return real.is_dir() and (
        user == 0 or all(_allowed(place, 0o1, user, groups) for place in (real, *real.parents))
    )


def _allowed(path: Path, bit: int, user: int, groups: tuple[int, ...]) -> bool:
    try:
        facts = path.stat()
    except OSError:
        return False
    mode = stat.S_IMODE(facts.st_mode)
    if facts.st_uid == user:
        return bool(mode >> 6 & bit)
    if facts.st_gid in groups:
        return bool(mode >> 3 & bit)
    return bool(mode & bit)


def _verify_non_root(pod: Pod, container: Container, user: int | None, own: Identity) -> None:
    where = f"(pod: {go_quote(pod.description)}, container: {container.name})"
    if user == 0:
        message = f"container's runAsUser breaks non-root policy {where}"
    elif user is None and own.is_root:
        message = f"container has runAsNonRoot and image will run as root {where}"
    else:
        return
    raise ContainerStartError("CreateContainerConfigError", message)


def _verify_own_ids(
    user: int | None, group: int | None, extra: tuple[int, ...], own: Identity
) -> None:
    """Without root no id can be taken that the process does not have already."""
    if user not in (None, own.user):
        raise _refused("runAsUser", f"user {user}", f"user {own.user}")
    if group not in (None, own.group):
        raise _refused("runAsGroup", f"group {group}", f"group {own.group}")
    for item in extra:
        if item != own.group and item not in own.groups:
            mine = ", ".join(map(str, _unique(own.group, *own.groups)))
            raise _refused("supplementalGroups or fsGroup", f"group {item}", f"groups {mine}")


def _refused(setting: str, wanted: str, has: str) -> ContainerStartError:
    return ContainerStartError(
        "CreateContainerError",
        f"cannot take {wanted} ({setting}): minikubelet is not root and has {has};"
        f" leave the setting out, or run minikubelet as root",
    )


def _account(user: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(user)
    except KeyError:
        return None


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _unique(*values: int | None) -> tuple[int, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))
