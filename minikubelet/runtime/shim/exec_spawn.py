"""Start a command in a container, by the cheapest way that its surroundings allow.

Role: `posix_spawn` (vfork: no copy of page tables, no Python in the child) where the command needs
nothing but the shim's own user, directory and namespaces; else fork, as for the container's main
process. A terminal takes a fork, too: only a process of the new session can make it its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence

from minikubelet.runtime.shim.child import (
    CREATE,
    IGNORED_BY_SHIM,
    StartError,
    exec_failure,
    find_program,
    reason,
    run_child,
    set_oom_score,
    settle,
)
from minikubelet.runtime.shim.linux import die_with_parent
from minikubelet.runtime.shim.stdio import Stdio, make_stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Surroundings:
    """What a command shares with the container.

    `join` moves a forked child into groups and namespaces; with `simple` there are no namespaces to
    move into, and the shim stands in the container's working directory; `adopt` adds a process that
    runs already to the container's groups.
    """

    __slots__ = ("adopt", "join", "simple", "spec")

    def __init__(
        self,
        spec: Mapping[str, Any],
        simple: bool,
        join: Callable[[], None],
        adopt: Callable[[int], None],
    ) -> None:
        self.spec = spec
        self.simple = simple
        self.join = join
        self.adopt = adopt


class SpawnedCommand:
    """`stdio` has the shim's ends. `status` is closed by a successful exec (see
    `child.read_failure`); None: it runs already."""

    __slots__ = ("pid", "status", "stdio")

    def __init__(self, pid: int, stdio: Stdio, status: int | None) -> None:
        self.pid = pid
        self.stdio = stdio
        self.status = status


def spawn_command(
    surroundings: Surroundings,
    argv: Sequence[str],
    extra_env: Mapping[str, str],
    *,
    stdin: bool = False,
    tty: bool = False,
    **more: Any,
) -> SpawnedCommand:
    """`more` is for `make_stdio`. Raises StartError, also for a program that cannot be executed if
    that is known at once."""
    env = {**surroundings.spec["env"], **extra_env}
    stdio = None
    try:
        stdio = make_stdio(stdin=stdin, tty=tty, user=surroundings.spec["user"], **more)
        status = None
        if surroundings.simple and not tty:
            pid = _spawn(surroundings, argv, env, stdio.child)
        else:
            pid, status = _fork(surroundings, argv, env, stdio.child)
    except BaseException as error:
        if stdio:
            stdio.close()
        if isinstance(error, OSError):
            raise StartError(CREATE, f"cannot run a command: {reason(error)}") from None
        raise
    stdio.close_child_ends()
    return SpawnedCommand(pid, stdio, status)


def _spawn(
    surroundings: Surroundings,
    argv: Sequence[str],
    env: Mapping[str, str],
    stdio: tuple[int, int, int],
) -> int:
    path = find_program(argv[0], env)
    actions = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(stdio)]
    try:
        pid = os.posix_spawn(
            path,
            list(argv),
            env,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=IGNORED_BY_SHIM,
        )
    except OSError as error:
        raise exec_failure(path, error) from None
    except ValueError as error:
        raise StartError(CREATE, f"exec: {error}") from None
    with contextlib.suppress(OSError):  # it may have ended already
        surroundings.adopt(pid)
    adjustment = surroundings.spec["oom_score_adj"]
    if adjustment is not None:
        set_oom_score(pid, adjustment)
    return pid


def _fork(
    surroundings: Surroundings,
    argv: Sequence[str],
    env: Mapping[str, str],
    stdio: tuple[int, int, int],
) -> tuple[int, int]:
    status, child_status = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(status)
        os.close(child_status)
        raise
    if pid == 0:

        def enter() -> None:
            settle(stdio)
            surroundings.join()

        run_child(
            spec=surroundings.spec,
            argv=argv,
            env=env,
            status=child_status,
            enter=enter,
            ready=die_with_parent,
        )
    os.close(child_status)
    return pid, status
