"""From a host and a port to socket addresses, and how errors name them.

Role: IP literals directly, names by the system's resolver in a thread. Texts are those of Go's net
package (P-327, P-331).
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Sequence
from functools import lru_cache

from minikubelet.clock import Clock
from minikubelet.manifest.go_numbers import parse_int64
from minikubelet.probes.trace import HostResolved, Trace
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """What a socket connects to."""

    family: socket.AddressFamily
    sockaddr: tuple[str | int | bytes, ...]

    def __str__(self) -> str:
        return sockaddr_text(self.sockaddr)


class HostLookupError(Exception):
    """A name without address; the text is Go's, with `dial tcp: ` before it."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"dial tcp: lookup {host}: {why}")


class HostLookupTimeoutError(HostLookupError):
    """The resolver did not answer before the deadline."""

    def __init__(self, host: str) -> None:
        super().__init__(host, "i/o timeout")


def join_host_port(host: str, port: int | str) -> str:
    """`host:port`, with brackets around IPv6 addresses."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def sockaddr_text(sockaddr: Sequence[object]) -> str:
    return join_host_port(str(sockaddr[0]), str(sockaddr[1]))


def errno_text(error: OSError | int) -> str:
    """`connection refused`, as Go prints errno values."""
    number = error if isinstance(error, int) else error.errno
    return os.strerror(number).lower() if number else str(error)


def is_ip(host: str) -> bool:
    return literal_address(host, 0) is not None


@lru_cache(maxsize=4096)
def literal_address(host: str, port: int) -> Address | None:
    """The address of an IP literal (IPv6 perhaps with a zone); None for a name."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv4Address):
        return Address(socket.AF_INET, (host, port))
    if not ip.scope_id:
        return Address(socket.AF_INET6, (host, port, 0, 0))
    scope = _scope_number(ip.scope_id)
    if scope is None:
        return None
    return Address(socket.AF_INET6, (host.partition("%")[0], port, 0, scope))


def _scope_number(zone: str) -> int | None:
    number = parse_int64(zone)
    if number is not None:
        return number if 0 <= number < 1 << 32 else None
    try:
        return socket.if_nametoindex(zone)
    except (OSError, ValueError):  # a name with a zero byte in it
        return None


async def resolve(
    host: str, port: int, deadline: float, clock: Clock, trace: Trace | None = None
) -> tuple[Address, ...]:
    """The addresses to try, in the resolver's order. Raises HostLookupError."""
    literal = literal_address(host, port)
    if literal is not None:
        return (literal,)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline - clock.monotonic()):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise HostLookupTimeoutError(host) from None
    except (OSError, UnicodeError) as error:
        raise HostLookupError(host, lookup_text(error)) from error
    addresses = tuple(Address(family, sockaddr) for family, _, _, _, sockaddr in found)
    if trace is not None:
        trace.note(HostResolved(host, tuple(map(str, addresses))))
    return addresses


def lookup_text(error: OSError | UnicodeError) -> str:
    """Why a lookup failed; a name that cannot be encoded does not exist."""
    unknown = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
    if isinstance(error, UnicodeError) or error.errno in unknown:
        return "no such host"
    return (error.strerror or str(error)).lower()
