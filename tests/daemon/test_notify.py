"""What systemd is told (sd_notify(3))."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from minikubelet.daemon.notify import Notifier
from tests.fakes.clock import FakeClock

PID = 7


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


def test_what_is_said(systemd: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": systemd.getsockname()}, PID)
    notifier.ready("3 Pods")
    notifier.stopping("leaving 4 Pods")
    assert [systemd.recv(1000) for _ in range(2)] == [
        b"READY=1\nSTATUS=3 Pods",
        b"STOPPING=1\nSTATUS=leaving 4 Pods",
    ]


async def test_the_watchdog_hears_twice_per_period(systemd: socket.socket) -> None:
    clock = FakeClock()
    environ = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "30000000"}
    notifier = Notifier(environ, PID)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(notifier.keep_alive(clock))
        await clock.advance(44.0)
        task.cancel()
    assert [systemd.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    with pytest.raises(BlockingIOError):
        systemd.recv(100)


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="no watchdog is wanted"),
        pytest.param({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, id="of another process"),
        pytest.param({"WATCHDOG_USEC": "0"}, id="zero is off"),
    ],
)
def test_no_watchdog(environ: dict[str, str]) -> None:
    assert Notifier(environ, PID).watchdog_seconds is None


def test_without_systemd_nothing_happens() -> None:
    Notifier({"NOTIFY_SOCKET": "/nowhere/at/all"}, PID).ready("well")
    Notifier({}, PID).ready("well")
