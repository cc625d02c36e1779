"""Behave as an image does: the table of images that the mock server plays."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import FrameType

from minikubelet.mock.connection import Connection, Listener, ListenError
from minikubelet.mock.http import HTTPReceiver
from minikubelet.mock.loop import Loop
from minikubelet.mock.server import say
from minikubelet.mock.web_images import WEB_IMAGES

Bind = tuple[str, ...]
Program = Callable[[Loop, Sequence[str], Bind], int]


def is_image(name: str) -> bool:
    return _short(name) in IMAGES


def run_image(arguments: Sequence[str], bind: Bind) -> int:
    """`arguments`: the image, as long as it likes to be called, and what its entrypoint is given;
    the exit code."""
    name = _short(arguments[0])
    try:
        return IMAGES[name](Loop(), arguments[1:], bind)
    except ListenError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1


def _short(name: str) -> str:
    return name.rpartition("/")[2].partition(":")[0]


def _web(name: str) -> Program:
    image = WEB_IMAGES[name]

    def run(loop: Loop, arguments: Sequence[str], bind: Bind) -> int:
        if image.exits_on_term:
            signal.signal(signal.SIGTERM, _leave)
        handler = image.handler(loop)
        port = _port(arguments, image.port)
        Listener(loop, bind, port, lambda client: HTTPReceiver(loop, client, handler))
        if image.greeting:
            say(image.greeting)
        return loop.run()

    return run


def _redis(loop: Loop, arguments: Sequence[str], bind: Bind) -> int:
    signal.signal(signal.SIGTERM, _leave)
    Listener(loop, bind, _port(arguments, 6379), _Redis)
    say("Ready to accept connections tcp")
    return loop.run()


class _Redis:
    """Enough of Redis for a health check: it answers PING."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def receive(self, data: bytes) -> None:
        known = b"PING" in data.upper()
        self._connection.send(b"+PONG\r\n" if known else b"-ERR unknown command\r\n")


def _batch_job(loop: Loop, _arguments: Sequence[str], _bind: Bind) -> int:
    say(f"{_date()} Batch job starting")
    loop.after(120, lambda: _finish(loop))
    return loop.run()


def _finish(loop: Loop) -> None:
    say(f"{_date()} Finished succesfully")
    loop.stop(0)


def _ssd_monitor(loop: Loop, _arguments: Sequence[str], _bind: Bind) -> int:
    def monitor() -> None:
        say("SSD OK")
        loop.after(5, monitor)

    monitor()
    return loop.run()


def _pause(_loop: Loop, _arguments: Sequence[str], _bind: Bind) -> int:
    signal.signal(signal.SIGTERM, _leave)
    while True:
        signal.pause()


def _agnhost(loop: Loop, arguments: Sequence[str], bind: Bind) -> int:
    # Its subcommands bring argparse along.
    from minikubelet.mock.agnhost import run_agnhost

    return run_agnhost(loop, arguments, bind)


IMAGES: dict[str, Program] = {
    **{name: _web(name) for name in WEB_IMAGES},
    "redis": _redis,
    "batch-job": _batch_job,
    "ssd-monitor": _ssd_monitor,
    "pause": _pause,
    "agnhost": _agnhost,
}


def _port(arguments: Sequence[str], default: int) -> int:
    """The value of `--port`; an image's own arguments mean nothing to the mock."""
    words = list(arguments)
    if "--port" in words[:-1]:
        value = words[words.index("--port") + 1]
        if not value.isdecimal() or not 0 < int(value) < 65536:
            raise ListenError(f"--port {value} is not a port")
        return int(value)
    return default


def _date() -> str:
    return f"{datetime.now(UTC):%a %b %e %H:%M:%S UTC %Y}"


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
