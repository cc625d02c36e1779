"""The same Pod twice: in real processes played by `minikubelet mock`, and simulated.

`events_of` reduces what a run told to its facts, so that the two can be compared.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml

Facts = list[dict[str, Any]]

TIMEOUT_SECONDS = 40
TOLERANCE_SECONDS = 0.1

_COMPARED = {
    "ContainerStarted": ("restartCount",),
    "ContainerExited": ("exitCode", "signal", "reason", "cause"),
    "BackOffStarted": ("delaySeconds", "message"),
    "ProbeAttempted": ("kind", "outcome", "output", "verdict", "runLength", "trigger"),
    "KillRequested": ("cause", "message", "gracePeriodSeconds"),
    "StopStep": ("step",),
    "HookRan": ("hook", "handler", "ok"),
    "PhaseChanged": ("new", "reason"),
    "ConditionChanged": ("type", "status", "reason"),
}


@dataclass(frozen=True)
class PlayedApp:
    """One container. `{port}` stands for its port; `script` says what `mock` does.

    `{1.5}` in the script is 1.5 seconds after the program's own clock has begun, which is a little
    after its process has.
    """

    mock: str
    script: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    init: bool = False


@dataclass(frozen=True, eq=False)
class Scene:
    """One Pod, and how long it is watched. Compared by identity."""

    name: str
    seconds: float
    apps: Mapping[str, PlayedApp]
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """`seconds` since the last start of a container or, after the stop has begun, since then: so
    what this machine needs to start a process does not add up. 0 up to the first start."""

    what: tuple[object, ...]
    seconds: float
    duration: float = 0.0


def probe(**fields: Any) -> dict[str, Any]:
    return {"initialDelaySeconds": 1, "periodSeconds": 1, "timeoutSeconds": 1, **fields}


def write_scene(scene: Scene, directory: Path) -> tuple[Path, Path]:
    """The manifest and the image catalog."""
    containers: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    images = {}
    for name, app in scene.apps.items():
        port = _free_port()
        fields = json.loads(json.dumps(app.fields).replace('"{port}"', str(port)))
        containers[app.init].append({"name": name, "image": f"played/{name}", **fields})
        images[f"played/{name}"] = {"mock": app.mock.replace("{port}", str(port)).split()}
    spec = {
        "terminationGracePeriodSeconds": 1,
        "containers": containers[False],
        **({"initContainers": containers[True]} if containers[True] else {}),
        **scene.spec,
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": scene.name}, "spec": spec}
    manifest, catalog = directory / "pod.yaml", directory / "images.yaml"
    manifest.write_text(yaml.safe_dump(pod))
    catalog.write_text(yaml.safe_dump(images))
    return manifest, catalog


def run_real(scene: Scene, directory: Path) -> list[Event]:
    manifest, catalog = write_scene(scene, directory)
    limit = ("--time-limit", f"{scene.seconds:g}")
    return events_of(_told("run", str(manifest), "--images", str(catalog), *limit))


def run_simulated(scene: Scene, directory: Path, start_seconds: float) -> list[Event]:
    """`start_seconds`: what a program needs before its clock begins."""
    scripts = [
        word
        for name, app in scene.apps.items()
        if app.script
        for word in ("--app", f"{name}: {_timed(app.script, start_seconds)}")
    ]
    manifest = directory / "pod.yaml"
    return events_of(_told("simulate", str(manifest), *scripts, "--for", f"{scene.seconds:g}"))


def events_of(facts: Facts) -> list[Event]:
    records = [fact for fact in facts if fact["type"] == "record" and fact["record"] in _COMPARED]
    starts = [_time(fact) for fact in records if fact["record"] == "ContainerStarted"]
    stops = [_time(fact) for fact in facts if fact["type"] == "status"]
    return [
        Event(
            (fact["record"], fact.get("container", ""), *_data(fact)),
            _seconds(fact, sorted((*starts, *stops))),
            fact["data"].get("durationSeconds", 0.0),
        )
        for fact in records
    ]


def _seconds(fact: Mapping[str, Any], stages: Sequence[float]) -> float:
    at, is_start = _time(fact), fact["record"] == "ContainerStarted"
    before = [stage for stage in stages if stage < at or (stage == at and not is_start)]
    return at - before[-1] if before else 0.0


def measure_start(directory: Path) -> float:
    """Seconds from the start of a container to the clock of `mock` in it."""
    app = PlayedApp("--exit-after 0s")
    scene = Scene("start", 5, {"app": app}, {"restartPolicy": "Never"})
    exits = [e for e in run_real(scene, directory) if e.what[0] == "ContainerExited"]
    return exits[0].seconds


def differences(real: Sequence[Event], simulated: Sequence[Event]) -> list[str]:
    """What is not the same, or not within `TOLERANCE_SECONDS`."""
    pairs = zip_longest(real, simulated)
    return [f"real: {a}, simulated: {b}" for a, b in pairs if not a or not b or not _equal(a, b)]


def _equal(a: Event, b: Event) -> bool:
    return (
        a.what == b.what
        and abs(a.seconds - b.seconds) <= TOLERANCE_SECONDS
        and abs(a.duration - b.duration) <= TOLERANCE_SECONDS
    )


def _timed(script: str, start_seconds: float) -> str:
    return re.sub(r"\{([0-9.]+)\}", lambda m: f"{float(m[1]) + start_seconds:.3f}s", script)


def _data(fact: Mapping[str, Any]) -> Sequence[object]:
    values = [fact["data"].get(name) for name in _COMPARED[fact["record"]]]
    uid = fact["pod"]["uid"]
    return [value.replace(uid, "UID") if isinstance(value, str) else value for value in values]


def _time(fact: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(fact["time"]).timestamp()


def _told(command: str, *arguments: str) -> Facts:
    done = subprocess.run(
        [sys.executable, "-m", "minikubelet", command, *arguments, "-o", "json"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
        env=dict(os.environ),
    )
    assert not done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
