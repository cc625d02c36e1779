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
    after its process has; `mock` must then be asked for a log line.
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
    return {"initialDelaySeconds": 1, "periodSeconds": 1, "timeoutSeconds": 1} | fields


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


def compare(scene: Scene, directory: Path) -> list[str]:
    """What the real and the simulated Pod do differently."""
    manifest, catalog = write_scene(scene, directory)
    seconds = f"{scene.seconds:g}"
    # The API of a run would take its share of the processor from the app.
    options = ("--images", str(catalog), "--time-limit", seconds, "--no-api")
    real = _told("run", str(manifest), *options)
    scripts = []
    for name, app in scene.apps.items():
        if app.script:
            scripts += ["--app", f"{name}: {_timed(app.script, _start_seconds(real, name))}"]
    simulated = _told("simulate", str(manifest), *scripts, "--for", seconds)
    return differences(events_of(real), events_of(simulated))


def _start_seconds(facts: Facts, container: str) -> list[float]:
    """What each instance needed from its start to its first log line."""
    own = [fact for fact in facts if fact.get("container") == container]
    starts = [_time(fact) for fact in own if fact.get("record") == "ContainerStarted"]
    lines = [_time(fact) for fact in own if fact.get("text") == "line 1"]
    return [line - start for start, line in zip(starts, lines, strict=False)]


def _timed(script: str, start_seconds: Sequence[float]) -> str:
    def said(start: float) -> str:
        return re.sub(r"\{([0-9.]+)\}", lambda m: f"{float(m[1]) + start:.3f}s", script)

    return " then ".join(map(said, start_seconds)) if "{" in script else script


def events_of(facts: Facts) -> list[Event]:
    events = []
    stages: list[float] = []
    for fact in facts:
        if fact["type"] == "status":
            stages.append(_time(fact))
        if fact["type"] != "record" or fact["record"] not in _COMPARED:
            continue
        at = _time(fact)
        began = next((stage for stage in reversed(stages) if stage <= at), at)
        what = (fact["record"], fact.get("container", ""), *_data(fact))
        events.append(Event(what, at - began, fact["data"].get("durationSeconds", 0.0)))
        if fact["record"] == "ContainerStarted":
            stages.append(at)
    return events


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
