"""The records of an instance, as the shim has written them: typed, and checked.

Role: read `launch.json`, `start.json`, `exit.json` of an instance's directory. Times ending in
`_at` are Unix nanoseconds; `_monotonic` are seconds since boot, good for this boot only.
Invariants: a record that is missing, torn or of a later format reads as None: its instance is then
looked at otherwise.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from minikubelet.runtime.shim.records import EXIT, FORMAT, LAUNCH, START
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRecord:
    """The main process of an instance, and its shim. A process is its pid and its start time (ticks
    since boot)."""

    container_id: str
    pid: int
    start_time: int
    boot_id: str
    shim_pid: int
    shim_start_time: int
    created_at: int
    started_at: int
    started_monotonic: float
    cpu_unlimited: bool = False
    """There is a cpu limit, and this host cannot enforce it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUsage:
    """Of the main process and those that it has waited for."""

    user_seconds: float
    system_seconds: float
    max_rss_kilobytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRecord:
    """The end of an instance."""

    container_id: str
    exit_code: int
    """0-255; death by signal n is 128+n (L-119)."""
    signal: int | None
    reason_hint: str
    """`oom`, `start_error` or empty."""
    finished_at: int
    finished_monotonic: float
    boot_id: str
    message: str
    """Termination message, or why the program could not be executed (L-111, L-213)."""
    survivors: tuple[str, ...]
    """What outlived the main process and was killed: `pid name`."""
    term_at: int | None
    kill_at: int | None
    """When the stop signal and SIGKILL were sent."""
    rusage: ResourceUsage
    lost_log_bytes: int


def start_record(document: Mapping[str, Any]) -> StartRecord:
    """Raises ValueError when something is missing or mistyped."""
    return _typed(StartRecord, {"cpu_unlimited": False, **document})


def exit_record(document: Mapping[str, Any]) -> ExitRecord:
    """Raises ValueError when something is missing or mistyped."""
    usage, survivors = document.get("rusage"), document.get("survivors")
    if not isinstance(usage, dict) or not isinstance(survivors, list):
        raise ValueError("the record of an exit lacks rusage or survivors")
    typed = {"rusage": _typed(ResourceUsage, usage), "survivors": tuple(map(str, survivors))}
    return _typed(ExitRecord, {**document, **typed})


def read_start_record(instance_dir: Path) -> StartRecord | None:
    document = _read(instance_dir / START)
    try:
        return None if document is None else start_record(document)
    except ValueError:
        return None


def read_exit_record(instance_dir: Path) -> ExitRecord | None:
    document = _read(instance_dir / EXIT)
    try:
        return None if document is None else exit_record(document)
    except ValueError:
        return None


def read_launch(instance_dir: Path) -> dict[str, Any] | None:
    """The LaunchSpec as JSON."""
    return _read(instance_dir / LAUNCH)


def format_of(path: Path) -> int | None:
    """The format of a record; None when it cannot be read."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    found = document.get("format") if isinstance(document, dict) else None
    return found if isinstance(found, int) else None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return None
    return document


_Record = TypeVar("_Record", StartRecord, ExitRecord, ResourceUsage)

_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "int | None": (int, type(None)),
    "tuple[str, ...]": (tuple,),
    "ResourceUsage": (ResourceUsage,),
}


def _typed(record: type[_Record], document: Mapping[str, Any]) -> _Record:
    """Members that are not known are left out: a later version of the same format may have added
    them."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(record):
        value = document.get(item.name)
        if not isinstance(value, _TYPES[str(item.type)]):
            raise ValueError(f"{record.__name__}.{item.name}: {value!r} is not {item.type}")
        values[item.name] = value
    return record(**values)
