"""Who listens on this host, as /proc tells it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from minikubelet.pod.listeners import Listener
from minikubelet.runtime.listening import is_own_address, listeners, port_holders

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid inode\n"


def row(local: str, state: str, inode: int) -> str:
    queues = "00000000:00000000 00:00000000 00000000 0 0"
    return f"   0: {local} 00000000:0000 {state} {queues} {inode} 1\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """As x86 prints it; process 41 holds the socket 1001, and that of 1003 is hidden."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(
        HEADER
        + row("0100007F:1F90", "0A", 1001)
        + row("0100007F:1F91", "01", 1002)
        + row("00000000:0050", "0A", 1003)
    )
    (tmp_path / "net" / "tcp6").write_text(
        HEADER + row("00000000000000000000000001000000:1F90", "0A", 1001)
    )
    (tmp_path / "41" / "fd").mkdir(parents=True)
    (tmp_path / "41" / "comm").write_text("app\n")
    (tmp_path / "41" / "fd" / "3").symlink_to("socket:[1001]")
    return tmp_path


def test_listeners_with_their_addresses(proc: Path) -> None:
    assert listeners(proc) == (
        Listener("0.0.0.0", 80, "another process"),
        Listener("127.0.0.1", 8080, "app (pid 41)"),
        Listener("::1", 8080, "app (pid 41)"),
    )


def test_holders_of_ports(proc: Path) -> None:
    assert port_holders([80, 8080, 8081], proc) == {80: "another process", 8080: "app (pid 41)"}


def test_nothing_is_known_without_proc(tmp_path: Path) -> None:
    assert (listeners(tmp_path), port_holders([80], tmp_path)) == ((), {})


def test_this_process_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (found,) = [listener for listener in listeners() if listener.port == port]
    assert (found.address, found.holder.endswith(f"(pid {os.getpid()})")) == ("127.0.0.1", True)


@pytest.mark.parametrize(
    ("ip", "own"),
    [
        pytest.param("127.0.0.1", True, id="loopback"),
        pytest.param("192.0.2.1", False, id="an address for documentation"),
        pytest.param("2001:db8::1", False, id="an IPv6 address for documentation"),
    ],
)
def test_own_addresses(ip: str, own: bool) -> None:
    assert is_own_address(ip) is own


@pytest.mark.parametrize(
    ("address", "everywhere", "loopback"),
    [
        pytest.param("0.0.0.0", True, False, id="all of IPv4"),
        pytest.param("::", True, False, id="all"),
        pytest.param("127.0.0.2", False, True, id="one of many loopbacks"),
        pytest.param("::1", False, True, id="the IPv6 loopback"),
        pytest.param("10.0.0.1", False, False, id="an address of the network"),
    ],
)
def test_kinds_of_addresses(address: str, everywhere: bool, loopback: bool) -> None:
    listener = Listener(address, 80, "app")
    assert (listener.accepts_from_everywhere, listener.is_loopback) == (everywhere, loopback)
