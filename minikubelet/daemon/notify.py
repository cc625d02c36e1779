"""Tell systemd how it goes: ready, status line, watchdog, stopping.

Role: the sd_notify protocol, datagrams to the socket named in NOTIFY_SOCKET.
Invariants: without systemd nothing happens; a message that cannot be sent is no error.
Upstream: systemd sd_notify(3).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping

from minikubelet.clock import Clock


class Notifier:
    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_seconds = _watchdog(environ, pid)
        """How often systemd wants to hear of us; None: not at all."""

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={status}")

    def stopping(self, status: str) -> None:
        self._send(f"STOPPING=1\nSTATUS={status}")

    async def keep_alive(self, clock: Clock) -> None:
        """For ever: say that the event loop turns, twice per watchdog period."""
        if self.watchdog_seconds is None:
            return
        while True:
            self._send("WATCHDOG=1")
            await clock.sleep(self.watchdog_seconds / 2)

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
        ):
            sock.setblocking(False)
            sock.sendto(message.encode(), self._address)


def _watchdog(environ: Mapping[str, str], pid: int) -> float | None:
    text = environ.get("WATCHDOG_USEC", "")
    if not text.isdigit() or int(text) == 0:
        return None
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(text) / 1e6
