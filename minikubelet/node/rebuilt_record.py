"""A worker's record made anew from what the shims have written.

Role: where the record is missing or damaged, the instances are still known by their launch, start
and exit files. What only the worker knew (verdicts, back-off, requests to stop) is lost, and found
again as for containers that were just started.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from minikubelet.node.pod_record import PodRecord
from minikubelet.pod.observed import ContainerRun, RunState
from minikubelet.runtime.records import read_start_record
from minikubelet.runtime.shim.records import LAUNCH, LOST_LAUNCH

KEPT_RUNS = 2
_NAMES = {"container_id", "container_name", "restart_count"}


def rebuild_record(uid: str, instance_dirs: Sequence[Path]) -> PodRecord | None:
    """None when there is no instance to tell of."""
    runs: dict[str, list[ContainerRun]] = {}
    boots: set[str] = set()
    for path in instance_dirs:
        start = read_start_record(path)
        launch = _launch(path)
        if launch is None:
            continue
        if start is not None:
            boots.add(start.boot_id)
        created = start.created_at / 1e9 if start else path.stat().st_mtime
        run = ContainerRun(
            container_id=str(launch["container_id"]),
            name=str(launch["container_name"]),
            restart_count=int(launch["restart_count"]),
            state=RunState.CREATED,
            created_at=datetime.fromtimestamp(created, UTC),
        )
        runs.setdefault(run.name, []).append(run)
    if not runs:
        return None
    newest = [
        run
        for of_one in runs.values()
        for run in sorted(of_one, key=lambda run: run.created_at, reverse=True)[:KEPT_RUNS]
    ]
    return PodRecord(uid=uid, boot_id=max(boots, default=""), accepted=True, runs=tuple(newest))


def _launch(path: Path) -> dict[str, Any] | None:
    for name in (LAUNCH, LOST_LAUNCH):
        try:
            launch = json.loads((path / name).read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(launch, dict) and launch.keys() >= _NAMES:
            return launch
    return None
