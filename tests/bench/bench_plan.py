"""`minikubelet plan` of one Pod, as a whole process.

The floor is a Python interpreter that reads the same file and ends.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import MILLISECONDS, Row, medians

_EXAMPLE = Path(__file__).parents[2] / "examples" / "01-hello-probes" / "pod.yaml"
_ROUNDS = 9
_BUDGET = 300.0
"""Milliseconds."""


def run() -> Iterator[Row]:
    plan, floor = medians(
        _ROUNDS,
        lambda: _seconds("-m", "minikubelet", "plan", str(_EXAMPLE)),
        lambda: _seconds("-c", f"open({str(_EXAMPLE)!r}).read()"),
    )
    yield Row(
        "plan of a Pod with two probes",
        plan * MILLISECONDS,
        "ms",
        floor * MILLISECONDS,
        "python",
        budget=_BUDGET,
    )


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True, timeout=30)
    return time.perf_counter() - began
