"""What commands import: each module is paid for at every call (design, section 7)."""

from __future__ import annotations

import subprocess
import sys

import pytest

_NEVER = ("asyncio", "aiohttp", "logging", "importlib.metadata", "cryptography", "orjson", "psutil")
_NOT_FOR_GET = (*_NEVER, "email", "http.client", "yaml", "minikubelet.manifest.pod", "tempfile")


@pytest.mark.parametrize(
    ("command", "unwanted"),
    [
        pytest.param("get", _NOT_FOR_GET, id="get"),
        pytest.param("logs", _NOT_FOR_GET, id="logs"),
        pytest.param("describe", _NEVER, id="describe"),
        pytest.param("events", _NEVER, id="events"),
        pytest.param("apply", _NEVER, id="apply"),
        pytest.param("delete", _NOT_FOR_GET, id="delete"),
        pytest.param("top", _NEVER, id="top"),
        pytest.param("kubeconfig", _NOT_FOR_GET, id="kubeconfig"),
        pytest.param("exec", _NOT_FOR_GET, id="exec, until its Pod is known"),
        pytest.param("attach", _NOT_FOR_GET, id="attach, until its Pod is known"),
        pytest.param("cp", _NOT_FOR_GET, id="cp, until its Pod is known"),
        pytest.param("port_forward", _NOT_FOR_GET, id="port-forward, until its Pod is known"),
        pytest.param("probe", ("aiohttp", "cryptography", "orjson"), id="probe"),
        pytest.param("probe_pod", ("aiohttp", "cryptography", "orjson"), id="probe POD"),
    ],
)
def test_heavy_modules_stay_out(command: str, unwanted: tuple[str, ...]) -> None:
    program = f"import sys, minikubelet.cli.main, minikubelet.cli.{command}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert sorted(set(unwanted) & set(done.stdout.split())) == []
