"""Connections to a pod's ports, for port-forward.

Role: connect, and what to say when that fails (K-89, K-90).
"""

from __future__ import annotations

import asyncio
import os

from minikubelet.apiserver.stream_bytes import Connection
from minikubelet.apiserver.stream_timing import within
from minikubelet.clock import Clock

_CONNECT_SECONDS = 30.0


async def connect(host: str, port: int, clock: Clock) -> Connection:
    """Raises OSError, of which TimeoutError is one."""
    loop = asyncio.get_running_loop()
    async with within(clock, _CONNECT_SECONDS):
        _, connection = await loop.create_connection(Connection, host, port)
    return connection


def refusal(host: str, port: int, pod: str, error: OSError) -> str:
    """In the words of the kubelet, which kubectl prints. `pod`: its name and uid."""
    if isinstance(error, TimeoutError):
        why = "i/o timeout"
    else:
        why = f"connect: {os.strerror(error.errno).lower()}" if error.errno else str(error)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"error forwarding port {port} to pod {pod}: dial tcp {address}: {why}"
