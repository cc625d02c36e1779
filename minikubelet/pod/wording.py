"""How ends and times are put in words, the same for every output and report. Pure."""

from __future__ import annotations

import signal

from minikubelet.journal import ContainerExited
from minikubelet.pod.durations import go_duration

_MAX_TEXT = 500


def exit_text(record: ContainerExited) -> str:
    """`exit 137, liveness probe failed`; the name of the signal where there is no better reason."""
    cause = exit_cause(record)
    code = f"exit {record.exit_code}"
    name = signal_name(record.signal)
    if name and cause != name:
        code += f" ({name})"
    return f"{code}, {cause}" if cause else code


def exit_status(record: ContainerExited) -> str:
    """`exit code 137, SIGKILL`: for where the cause is told beside it."""
    name = signal_name(record.signal)
    return f"exit code {record.exit_code}{f', {name}' if name else ''}"


def exit_cause(record: ContainerExited) -> str:
    """Why a container ended, in a few words; empty when the exit code says it all."""
    if record.cause is not None:
        return str(record.cause)
    if record.reason not in ("", "Completed", "Error"):
        return record.reason
    return signal_name(record.signal)


def signal_name(number: int | None) -> str:
    """`SIGSEGV`; empty for None."""
    if number is None:
        return ""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def brief(seconds: float) -> str:
    """A duration with as many digits as a person wants: `31.2s`, `1m20s`, `30ms`, `<1ms`."""
    if 0 < seconds < 0.0005:
        return "<1ms"
    return go_duration(round(seconds, 3 if seconds < 1 else 1))


def one_line(text: str) -> str:
    """Without newlines, and cut to what fits a few terminal lines."""
    text = " ".join(text.split())
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"
