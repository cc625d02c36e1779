"""Look around in a forked child, in a mount namespace of its own, and hand back what it saw."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from minikubelet.runtime.shim import mounts
from minikubelet.runtime.shim.mounts import MountError

NOBODY = 65534
_PR_SET_DUMPABLE = 4

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
as_each_user = pytest.mark.parametrize(
    "user",
    [
        pytest.param(None, id="as we are"),
        pytest.param(NOBODY, id="as an ordinary user", marks=[pytest.mark.root, needs_root]),
    ],
)


def a_mount(source: Path | str, target: Path | str, **more: bool) -> dict[str, Any]:
    return {"source": str(source), "target": str(target), **more}


def look_inside(
    wanted: Sequence[dict[str, Any]], look: Callable[[], Any], user: int | None = None
) -> Any:
    """What `look` returns (as JSON) in a child that has entered its mounts.

    Raises MountError as the child did, and AssertionError for anything else that went wrong there.
    Skips the test where an ordinary user may not make namespaces.
    """

    def entered() -> Any:
        mounts.enter(wanted, None)
        return look()

    return in_child(entered, user)


def in_child(work: Callable[[], Any], user: int | None = None) -> Any:
    """`work` in a forked child, as `user` if given."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            if user is not None:
                _become(user)
            answer = {"saw": work()}
        except MountError as error:
            answer = {"mount_error": str(error)}
        except BaseException as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        with os.fdopen(writer, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    answer = json.loads(text)
    message = answer.get("mount_error")
    if message is not None:
        if message.startswith("cannot make a mount namespace") and (user or os.geteuid() != 0):
            pytest.skip(message)
        raise MountError(message)
    assert "error" not in answer, answer["error"]
    return answer["saw"]


def _become(user: int) -> None:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    # A process that has changed its user may not write its own id maps; a fresh one may.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
