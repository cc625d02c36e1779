"""How the mock server is started as a container's program.

Role: a command line that works in a clean environment, an empty directory and for another user,
whether minikubelet lies in a virtual environment, a system directory or a checkout.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from minikubelet import mock
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.users import may_read

_SCRIPT = Path(mock.__file__).with_name("__main__.py")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

# -I keeps the container's environment and directory out of the interpreter; -S spares it what it
# does not need.
_OPTIONS = ("-I", "-S")


def mock_command(user: int | None, groups: tuple[int, ...], address: str) -> tuple[str, ...]:
    """The first words of the command line; `user` None is the user of this process.

    It listens on loopback, and on `address`, the pod's, where probes look for it.

    An interpreter that lies in somebody's private directory is replaced by the system's of the same
    version. Raises ContainerStartError when `user` can read no interpreter, or not the mock server
    itself.
    """
    interpreter = sys.executable if user is None else _readable_interpreter(user, groups)
    if user is not None and not may_read(_SCRIPT, user, groups):
        raise _unreadable(user, str(_SCRIPT.parent))
    addresses = dict.fromkeys(("127.0.0.1", address))
    bind = (word for one in addresses for word in ("--bind", one)) if len(addresses) > 1 else ()
    return (interpreter, *_OPTIONS, str(_SCRIPT), *bind)


def _readable_interpreter(user: int, groups: tuple[int, ...]) -> str:
    same_version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for interpreter in (sys.executable, shutil.which(same_version, path=_SYSTEM_PATH)):
        if interpreter and may_read(Path(interpreter), user, groups):
            return interpreter
    raise _unreadable(user, sys.executable)


def _unreadable(user: int, path: str) -> ContainerStartError:
    return ContainerStartError(
        "CreateContainerError",
        f"user {user} cannot read {path}, which plays this image:"
        " install minikubelet where that user can read it, or set command in the manifest",
    )
