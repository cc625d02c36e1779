"""The journal on disk: what 10,000 restarts cost, what a record costs, and how long `why` takes.

Budget of the issue: 20 MB. The restarts are those of a simulated pod whose liveness probe fails
after a minute and which is slow to stop, with all its probe attempts, steps, conditions and
back-offs; ids and times differ from restart to restart, as they do in reality. The floor of a
record is the bare write of a line of the same length.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from minikubelet.clock import SystemClock
from minikubelet.explain.explanation import explain
from minikubelet.journal import PodRef, Record
from minikubelet.journal_file import JournalFile
from tests.bench.harness import MICROSECONDS, MILLISECONDS, Row
from tests.explain.course import REF, a_document, play

RESTARTS = 10_000
PODS = 10
"""The restarts are spread over so many pods."""

_PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5}
_PLAYED_SECONDS = 40_000.0
_FOR_EVER = timedelta(days=36_500)


def run() -> Iterator[Row]:
    played = _played()
    restarts = sum(type(record).__name__ == "ContainerExited" for record in played)
    with tempfile.TemporaryDirectory() as name:
        journal = JournalFile(Path(name), clock=SystemClock(), max_age=_FOR_EVER)
        journal.open()
        seconds, number = 0.0, 0
        for round_ in range(RESTARTS // restarts):
            records = list(_another(played, round_))
            began = time.perf_counter()
            for record in records:
                journal.on_record(record)
            seconds += time.perf_counter() - began
            number += len(records)
        journal.close()
        length = _line_length(Path(name))
        done = RESTARTS // restarts * restarts
        size = sum(path.stat().st_size for path in Path(name).iterdir()) * RESTARTS / done
        yield Row("10,000 restarts on disk", size / 1e6, "MB", budget=20.0)
        yield Row("records per restart", number / done, "")
        floor = _bare_write_seconds(length)
        yield Row(
            "a record", seconds / number * MICROSECONDS, "µs", floor * MICROSECONDS, "bare write"
        )
        yield from _reading(Path(name))


def _reading(directory: Path) -> Iterator[Row]:
    began = time.perf_counter()
    journal = JournalFile(directory, clock=SystemClock(), max_age=_FOR_EVER)
    journal.open()
    yield Row("open", (time.perf_counter() - began) * MILLISECONDS, "ms", budget=50.0)
    began = time.perf_counter()
    entries = journal.records_of(f"{REF.uid}-3")
    explain(REF, (entry.record for entry in entries))
    yield Row(
        "why of one pod of ten", (time.perf_counter() - began) * MILLISECONDS, "ms", budget=200.0
    )
    journal.close()


def _played() -> tuple[Record, ...]:
    document = a_document(
        {"livenessProbe": _PROBE, "readinessProbe": _PROBE}, terminationGracePeriodSeconds=10
    )
    return play(document, {"app": "fails at 60s, ignores TERM"}, _PLAYED_SECONDS).records


def _another(played: tuple[Record, ...], round_: int) -> Iterator[Record]:
    """The same course again, later, with other container ids."""
    later = timedelta(seconds=_PLAYED_SECONDS * round_)
    pod = PodRef(REF.namespace, f"{REF.name}-{round_ % PODS}", f"{REF.uid}-{round_ % PODS}")
    ids: dict[str, str] = {}
    for record in played:
        changes: dict[str, Any] = {"at": record.at + later, "pod": pod}
        container_id: str | None = getattr(record, "container_id", None)
        if container_id:
            known = ids.setdefault(container_id, f"process://{secrets.token_hex(32)}")
            changes["container_id"] = known
        yield dataclasses.replace(record, **changes)


def _line_length(directory: Path) -> int:
    newest = sorted(directory.glob("*.jsonl"))[-1]
    lines = newest.read_bytes().splitlines()
    return sum(map(len, lines)) // len(lines)


def _bare_write_seconds(length: int, rounds: int = 20_000) -> float:
    line = b"x" * length + b"\n"
    with tempfile.TemporaryFile() as file:
        began = time.perf_counter()
        for _ in range(rounds):
            os.write(file.fileno(), line)
        return (time.perf_counter() - began) / rounds
