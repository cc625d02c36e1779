"""What imports aiohttp does so without reading the certificates of all public authorities."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import importlib, ssl
given = ssl.create_default_context
importlib.import_module({name!r})
assert ssl.create_default_context is given
from aiohttp import connector
assert not connector._SSL_CONTEXT_VERIFIED.get_ca_certs(), "authorities were read"
"""


@pytest.mark.parametrize(
    "name",
    [
        "minikubelet.cli.stream_command",
        "minikubelet.cli.stream_forward",
        "minikubelet.daemon.api",
    ],
)
def test_nobody_is_trusted_by_default(name: str) -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM.format(name=name)], check=True, timeout=60)
