"""The record of a container's end."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from minikubelet.runtime.shim import linux
from minikubelet.runtime.shim.records import encode_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resource import struct_rusage
    from typing import Any


OOM, START_ERROR = "oom", "start_error"
"""Reason hints: killed for its memory; the program could not be executed (L-111, L-120)."""
START_ERROR_STATUS = 128 << 8
"""A wait status as of a process that exited with code 128."""


class MainEnd:
    """How the main process ended, just now. `status` is a wait status, `finished_at` Unix
    nanoseconds."""

    __slots__ = ("finished_at", "finished_monotonic", "status", "usage")

    def __init__(self, status: int, usage: struct_rusage | None) -> None:
        self.status = status
        self.usage = usage
        self.finished_at = time.time_ns()
        self.finished_monotonic = time.monotonic()

    @property
    def exit_code(self) -> int:
        return linux.exit_code_of(self.status)


def exit_record(
    spec: Mapping[str, Any],
    end: MainEnd,
    *,
    message: str,
    reason_hint: str = "",
    survivors: Sequence[str] = (),
    term_at: int | None = None,
    kill_at: int | None = None,
    lost_log_bytes: int = 0,
) -> bytes:
    """`exit.json`, encoded; its typed form is `ExitRecord` on the daemon's side."""
    usage = end.usage
    return encode_record(
        {
            "container_id": spec["container_id"],
            "exit_code": end.exit_code,
            "signal": end.exit_code - 128 if os.WIFSIGNALED(end.status) else None,
            "reason_hint": reason_hint,
            "finished_at": end.finished_at,
            "finished_monotonic": end.finished_monotonic,
            "boot_id": linux.boot_id(),
            "message": message,
            "survivors": list(survivors),
            "term_at": term_at,
            "kill_at": kill_at,
            "rusage": {
                "user_seconds": usage.ru_utime if usage else 0.0,
                "system_seconds": usage.ru_stime if usage else 0.0,
                "max_rss_kilobytes": usage.ru_maxrss if usage else 0,
            },
            "lost_log_bytes": lost_log_bytes,
        }
    )
