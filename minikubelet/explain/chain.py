"""The causal chain of one instance: what happened, in order, a line each.

Role: quotes the evidence: failed attempts with their output, the threshold, who was asked to stop,
what outlived TERM, how it ended, the back-off that was chosen. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from minikubelet.explain.history import Life, ProbeRow
from minikubelet.journal import (
    BackOffStarted,
    ContainerAdopted,
    ContainerExited,
    ContainerStarted,
    ContainerStartFailed,
    HookRan,
    KillFailed,
    KillRequested,
    LogLost,
    ProbeAttempted,
    Record,
    StopStep,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.pod.wording import brief, exit_text, one_line, signal_name
from minikubelet.value_class import dataclass

_SHOWN_AT_ENDS = 2
"""Of a long row of failures."""


@dataclass(frozen=True, slots=True)
class Link:
    at: datetime
    text: str


def chain_of(
    life: Life, probe: ProbeKind | None, following: Life | None = None
) -> tuple[Link, ...]:
    """`probe`: the one whose failures ended it. `following`: the next instance."""
    row = life.probes.get(probe) if probe is not None else None
    attempts = probe_links(row) if row is not None else []
    links: list[Link] = []
    # Steps stay in the order of the journal, whatever their clocks say; attempts come before what
    # happened in the same moment, since they led to it.
    for link in (link for record in life.steps for link in _links_in(life, record)):
        while attempts and attempts[0].at <= link.at:
            links.append(attempts.pop(0))
        links.append(link)
    links += attempts
    if following is not None and following.started is not None:
        links += _links_in(following, following.started)
    return tuple(links)


def probe_links(row: ProbeRow) -> list[Link]:
    """The last success, the failures that followed, and the threshold once it is reached; of many
    failures the first, the decisive and the last."""
    links = []
    if row.last_success is not None:
        took = brief(row.last_success.duration_seconds)
        text = f"{row.last_success.kind} probe succeeded for the last time, after {took}"
        links.append(Link(row.last_success.known_at, text))
    failures = list(row.failures)
    if failures and (earlier := failures[0].run_length - 1) > 0:
        links.append(Link(failures[0].at, f"({earlier} earlier {_failures(earlier)})"))
    shown = [number for number in range(len(failures)) if _is_shown(number, failures)]
    for before, number in zip([None, *shown], shown, strict=False):
        record = failures[number]
        if before is not None and (hidden := _hidden_between(before, number, failures)):
            links.append(Link(record.known_at, f"({hidden} more {_failures(hidden)})"))
        links.append(Link(record.known_at, _attempt(record)))
        if record.verdict == "failure" and record.run_length == record.threshold:
            text = f"threshold reached: {_times(record.run_length)} in a row"
            links.append(Link(record.known_at, f"{text} (failureThreshold {record.threshold})"))
    return links


def _hidden_between(before: int, number: int, failures: list[ProbeAttempted]) -> int:
    """By their numbers in the row, since the journal thins long ones; a daemon that takes the
    container over begins to count anew."""
    by_run = failures[number].run_length - failures[before].run_length
    return (by_run if by_run > 0 else number - before) - 1


def _is_shown(number: int, failures: list[ProbeAttempted]) -> bool:
    """Of a short row all."""
    decisive = failures[number].run_length == failures[number].threshold
    at_an_end = number < _SHOWN_AT_ENDS or number >= len(failures) - _SHOWN_AT_ENDS
    return at_an_end or decisive or len(failures) <= 2 * _SHOWN_AT_ENDS + 2


def _attempt(record: ProbeAttempted) -> str:
    position = (
        f"{record.run_length} of {record.threshold}"
        if record.run_length <= record.threshold
        else f"{record.run_length} in a row"
    )
    said = one_line(record.error or record.output)
    verb = "errored" if record.error else "failed"
    text = f"{record.kind} probe {verb} ({position}) after {brief(record.duration_seconds)}"
    if said:
        text += f": {said}"
    if record.detail:
        text += f" [{one_line(record.detail)}]"
    late = record.at - record.planned_at
    return (
        f"{text} (run {brief(late.total_seconds())} late)" if late > timedelta(seconds=1) else text
    )


def _links_in(life: Life, record: Record) -> list[Link]:
    """What only the whole life tells: a start is known later than it was, and a grace period may be
    lengthened."""
    links = _links(record)
    if isinstance(record, ContainerStarted) and life.exit is not None:
        ran = timedelta(seconds=life.exit.ran_seconds)
        return [replace(link, at=min(link.at, life.exit.at - ran)) for link in links]
    if isinstance(record, StopStep) and record.step == "TERM" and life.kill is not None:
        lengthened = record.seconds > life.kill.grace_period_seconds + 0.5
        least = ", the least there is" if lengthened else ""
        return [replace(link, text=link.text + least) for link in links]
    if isinstance(record, BackOffStarted) and life.exit is None:
        return [replace(link, text=link.text.replace("the end", "this attempt")) for link in links]
    return links


def _links(record: Record) -> list[Link]:
    at = record.at
    match record:
        case ContainerStarted():
            restart = f"restart {record.restart_count}, " if record.restart_count else ""
            return [Link(at, f"started ({restart}pid {record.pid})")]
        case ContainerAdopted():
            return [Link(at, f"a new daemon took it over as it ran (pid {record.pid})")]
        case ContainerStartFailed(reason="PostStartHookError"):
            return []  # told from the hook
        case ContainerStartFailed():
            return [Link(at, f"cannot start: {record.reason}: {one_line(record.message)}")]
        case KillRequested():
            grace = brief(record.grace_period_seconds)
            said = record.message or f"Stopping container {record.container}"
            why = "" if record.cause is KillCause.SHUTDOWN else f", {record.cause}"
            return [Link(at, f"asked to stop{why}: {one_line(said)} (grace {grace})")]
        case HookRan():
            return [Link(at, _hook(record))]
        case StopStep():
            return [Link(at, _step(record))]
        case ContainerExited():
            return _exit(record)
        case BackOffStarted():
            until = at + timedelta(seconds=record.remaining_seconds)
            delay = brief(record.delay_seconds)
            text = f"back-off {delay} from the end, until {until:%Y-%m-%dT%H:%M:%SZ}"
            return [Link(at, text)]
        case KillFailed():
            return [Link(at, f"cannot be killed: {one_line(record.message)}")]
        case LogLost():
            return [Link(at, f"log output was lost: {one_line(record.message)}")]
    return []


def _hook(record: HookRan) -> str:
    took = brief(record.duration_seconds)
    if record.ok:
        return f"{record.hook} hook ({record.handler}) took {took}"
    return f"{record.hook} hook ({record.handler}) failed after {took}: {one_line(record.message)}"


def _step(record: StopStep) -> str:
    seconds = brief(record.seconds)
    detail = f" [{one_line(record.detail)}]" if record.detail else ""
    match record.step:
        case "wait":
            return f"waited {seconds} for its turn to stop"
        case "TERM":
            name = record.detail or "SIGTERM"
            return f"{one_line(name)} sent, {seconds} of grace left"
        case "KILL":
            return f"SIGKILL: still running {seconds} after SIGTERM{detail}"
    return f"{record.step} after {seconds}{detail}"


def _exit(record: ContainerExited) -> list[Link]:
    name = signal_name(record.signal)
    by = f" by {name}" if name else ""
    text = f"ended{by} after {brief(record.ran_seconds)}: {exit_text(record)}"
    if record.message:
        text += f"; termination message: {one_line(record.message)}"
    links = [Link(record.at, text)]
    if record.survivors:
        left = one_line(", ".join(record.survivors))
        links.append(Link(record.at, f"killed what it had left behind: {left}"))
    return links


def _times(number: int) -> str:
    return f"{number} {_failures(number)}"


def _failures(number: int) -> str:
    return "failure" if number == 1 else "failures"
