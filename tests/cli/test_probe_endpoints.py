"""What `minikubelet probe` tells about real endpoints: one golden text each, times and ports
replaced by words.

UPDATE_GOLDEN=1 writes the texts anew: read the difference before you commit it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from minikubelet.cli.probe_text import probe_lines
from minikubelet.clock import SystemClock
from minikubelet.manifest.pod import Probe, ProbeKind
from minikubelet.probes.examine import examine
from minikubelet.probes.prober import HandlerProber, ProbeTarget
from tests.cli.probe_endpoints import ENDPOINTS
from tests.pod.builders import a_pod
from tests.probes.test_exec import FakeExec, exited

GOLDEN = Path(__file__).parent / "probe_golden"


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_endpoint(name: str) -> None:
    endpoint = ENDPOINTS[name]
    clock = SystemClock()
    async with endpoint.serving() as port:
        probe = Probe(ProbeKind.LIVENESS, timeout_seconds=endpoint.timeout, **endpoint.probe(port))
        container = endpoint.container
        target = ProbeTarget(a_pod(container), container, probe, "c1", endpoint.pod_ip, {})
        examined = await examine(
            target,
            HandlerProber(clock, FakeExec(exited())),
            clock,
            lambda address: endpoint.listeners(port),
        )
    told = normal("\n".join(probe_lines(examined, color=False)), port)
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(told + "\n")
    assert told + "\n" == golden.read_text()


def test_every_golden_text_has_its_endpoint() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(ENDPOINTS)


def normal(text: str, port: int) -> str:
    """Without times, ports and the names of ciphers, which differ from run to run."""
    text = re.sub(rf"\b{port}\b", "PORT", text)
    text = re.sub(r"(from |tcp )(127\.0\.0\.\d+):\d+(?=$|->)", r"\1\2:CLIENT", text, flags=re.M)
    text = re.sub(r"^ +\d+\.\d ms(?=  )", "      T ms", text, flags=re.M)
    text = re.sub(r"\d+\.\d ms", "T ms", text)
    text = re.sub(r"\d+\.\d\d s\b", "T s", text)
    text = re.sub(r"\d+ times more", "N times more", text)
    return re.sub(r"established(.*) \(\w+\)", r"established\1 (CIPHER)", text)
