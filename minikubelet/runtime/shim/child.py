"""What a forked child does until it is the container's process, or a command run in the container.

Role: session, identity, limits, namespaces, directory, signals, stdio; then exec. Nothing here
returns to the shim's own code: the child execs, or reports why not through a pipe that a successful
exec closes, and ends.
Texts: short forms of what runc says.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
import termios
from collections.abc import Callable, Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

CREATE, CONFIG, START = "create", "config", "start"
"""Kinds of failure: of the container's surroundings, of its mounts, of exec itself."""

IGNORED_BY_SHIM = (
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
)
"""What a child must be given back. All others are at their defaults since the spawner began."""

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class StartError(Exception):
    """`kind` is one of the kinds above, the text is for the user."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def run_child(
    *,
    spec: Mapping[str, Any],
    argv: Sequence[str],
    env: Mapping[str, str],
    status: int,
    enter: Callable[[], None],
    ready: Callable[[], object],
) -> NoReturn:
    """Become `argv`, after `settle`. `enter` joins groups and namespaces, `ready` comes last.

    A failure is written to `status` as `<kind> <message>`.
    """
    try:
        try:
            _set_oom_score(spec["oom_score_adj"])
            enter()
            _switch_user(spec)
            _change_directory(spec["cwd"])
            path = find_program(argv[0], env)
            ready()
            _exec(path, argv, env)
        except StartError as failure:
            os.write(status, f"{failure.kind} {failure.message}".encode("utf-8", "surrogateescape"))
        except Exception as error:
            text = (
                reason(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            )
            os.write(status, f"{CREATE} {text}".encode("utf-8", "surrogateescape"))
    finally:
        os._exit(128)


def settle(stdio: tuple[int, int, int]) -> None:
    """The part that is the same whatever is to run. Raises OSError."""
    _reset_signals()
    os.setsid()
    _connect_stdio(stdio)
    os.umask(0o022)


def read_failure(status: int) -> StartError | None:
    """What a child reported on its pipe; None when it has executed the program. Blocks until one is
    known."""
    data = b""
    while part := os.read(status, 4096):
        data += part
    kind, _, message = data.decode("utf-8", "replace").partition(" ")
    return StartError(kind, message) if data else None


def find_program(name: str, env: Mapping[str, str]) -> str:
    """Where the program is, by the PATH of `env`. Raises StartError."""
    quoted = f'"{name}"'
    if "/" in name:
        try:
            mode = os.stat(name).st_mode
        except OSError as error:
            raise StartError(START, f"exec: {quoted}: stat {name}: {reason(error)}") from None
        if stat.S_ISDIR(mode):
            raise StartError(START, f"exec: {quoted}: is a directory")
        if not os.access(name, os.X_OK):
            raise StartError(START, f"exec: {quoted}: permission denied")
        return name
    for directory in env.get("PATH", _DEFAULT_PATH).split(":") if name else ():
        path = f"{directory or '.'}/{name}"
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise StartError(START, f"exec: {quoted}: executable file not found in $PATH")


def exec_failure(path: str, error: OSError) -> StartError:
    """Why a program that was found could not be run."""
    text = reason(error)
    if error.errno == errno.ENOENT:
        text += " (the interpreter of its first line is missing)"
    return StartError(START, f'exec: "{path}": {text}')


def reason(error: OSError) -> str:
    """The system's words, in lower case as in Go and runc."""
    text = error.strerror
    return text[:1].lower() + text[1:] if text else str(error)


def _exec(path: str, argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    try:
        os.execve(path, list(argv), env)
    except OSError as error:
        raise exec_failure(path, error) from None
    except ValueError as error:  # a NUL byte in an argument, a "=" in a name
        raise StartError(START, f'exec: "{path}": {error}') from None


def _reset_signals() -> None:
    for number in IGNORED_BY_SHIM:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _connect_stdio(stdio: tuple[int, int, int]) -> None:
    # Move the sources out of the way first: one of them may be 0, 1 or 2 itself.
    sources = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in stdio]
    for target, source in enumerate(sources):
        os.dup2(source, target, inheritable=True)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _set_oom_score(adjustment: int | None) -> None:
    if adjustment is not None:
        set_oom_score("self", adjustment)


def set_oom_score(pid: int | str, adjustment: int) -> None:
    """As far as it is allowed: an ordinary user may raise the score, not lower it."""
    with contextlib.suppress(OSError):
        # Not as a text file: its encoding would be imported in each child.
        fd = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, str(adjustment).encode())
        finally:
            os.close(fd)


def _switch_user(spec: Mapping[str, Any]) -> None:
    user, group, groups = spec["user"], spec["group"], spec["groups"]
    try:
        if groups is not None:
            os.setgroups(groups)
        if group is not None:
            os.setresgid(group, group, group)
        if user is not None:
            os.setresuid(user, user, user)
    except OSError as error:
        who = f"user {user}, group {group}, groups {groups}"
        raise StartError(CREATE, f"switching to {who} failed: {reason(error)}") from None


def _change_directory(path: str) -> None:
    try:
        os.chdir(path)
    except OSError as error:
        text = f'chdir to cwd ("{path}") set in config.json failed: {reason(error)}'
        raise StartError(CREATE, text) from None
