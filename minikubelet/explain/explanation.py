"""What `why` answers: an explanation of one pod, and how it is made from the journal.

Role: chooses the ends worth telling and puts evidence, words and last log lines together.
Invariants: pure; the same records give the same explanation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from minikubelet.explain.causes import kind_of, probe_kind, sentence, what_followed, why_ended
from minikubelet.explain.chain import Link, chain_of, probe_links
from minikubelet.explain.history import ContainerHistory, Life, PodHistory, history_of
from minikubelet.explain.standing import standing
from minikubelet.explain.state import Surroundings, is_over, pod_text
from minikubelet.journal import PodRef, Record
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import Pod, ProbeKind
from minikubelet.pod.wording import brief, exit_status
from minikubelet.value_class import dataclass

ENDS_SHOWN = 10
"""Of one container, the newest."""

Logs = Mapping[tuple[str, int], Sequence[str]]
"""The last lines by container and restart count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Why one instance ended, and what became of the container."""

    restart: int | None
    """The number of the restart that followed; None when none did."""
    at: datetime
    cause: str
    text: str
    """One paragraph."""
    exit_code: int | None
    signal: int | None
    back_off_seconds: float | None
    back_off_until: datetime | None
    chain: tuple[Link, ...]
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExplanation:
    name: str
    init: bool
    kind: str
    """`container`, `init container`, `sidecar`, `ephemeral container`."""
    text: str
    """What it does now: `runs since …`, `waits in back-off until …`."""
    restarts: int
    chain: tuple[Link, ...]
    """What keeps the instance that runs from being ready."""
    log: tuple[str, ...]
    """Of that instance."""
    ends: tuple[End, ...]
    """Newest first, at most `ENDS_SHOWN`."""
    ends_known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    pod: PodRef
    text: str
    since: datetime | None
    """What happened before is not known."""
    facts: tuple[Link, ...]
    """Of the pod as a whole: new definitions, a new daemon, a deadline."""
    containers: tuple[ContainerExplanation, ...]


def explain(
    ref: PodRef,
    records: Iterable[Record],
    *,
    pod: Pod | None = None,
    document: Json | None = None,
    logs: Logs | None = None,
    container: str = "",
    restart: int | None = None,
    around: Surroundings | None = None,
) -> Explanation:
    """`document` is the pod as the API has it, None when it is gone; `pod` the same as values.
    `container` and `restart` choose what is told in detail."""
    history = history_of(records)
    chosen = [
        _container(history, one, pod, logs or {}, restart, over=is_over(document))
        for one in history.containers.values()
        if container in ("", one.name)
    ]
    text = pod_text(history, pod, document, around or Surroundings())
    restarts = [f"{c.kind} {c.name} {_count(c.restarts)}" for c in chosen if c.restarts]
    if restarts:
        text += f" Restarts: {', '.join(restarts)}."
    return Explanation(
        pod=ref, text=text, since=history.first_at, facts=_facts(history), containers=tuple(chosen)
    )


def _container(
    history: PodHistory,
    container: ContainerHistory,
    pod: Pod | None,
    logs: Logs,
    restart: int | None,
    *,
    over: bool,
) -> ContainerExplanation:
    lives = container.lives
    ended = [
        (life, lives[index + 1] if index + 1 < len(lives) else None)
        for index, life in enumerate(lives)
        if life.over or index + 1 < len(lives)
    ]
    if restart is not None:
        ended = [(a, b) for a, b in ended if b is not None and b.restart_count == restart]
    shown = [_end(history, a, b, pod, logs) for a, b in reversed(ended[-ENDS_SHOWN:])]
    last = container.last
    running = last if last is not None and last.running else None
    return ContainerExplanation(
        name=container.name,
        init=container.init,
        kind=kind_of(container, pod),
        text=standing(container, history, pod, over=over).text,
        restarts=last.restart_count if last else 0,
        chain=_troubles(running) if running and restart is None else (),
        log=_log(running, logs) if running else (),
        ends=tuple(shown),
        ends_known=len(ended),
    )


def _end(
    history: PodHistory, life: Life, following: Life | None, pod: Pod | None, logs: Logs
) -> End:
    ended = why_ended(life, history, pod)
    record, back_off = life.exit, life.back_off
    sentences = [
        _why_text(life.container, ended.text),
        _stop_text(life),
        what_followed(life, following, pod),
    ]
    return End(
        restart=following.restart_count if following else None,
        at=record.at if record else life.created_at,
        cause=str(ended.cause),
        text=" ".join(sentence for sentence in sentences if sentence),
        exit_code=record.exit_code if record else None,
        signal=record.signal if record else None,
        back_off_seconds=back_off.delay_seconds if back_off else None,
        back_off_until=(
            back_off.at + timedelta(seconds=back_off.remaining_seconds) if back_off else None
        ),
        chain=chain_of(life, probe_kind(ended.cause), following),
        log=_log(life, logs),
    )


def _why_text(name: str, text: str) -> str:
    """A sentence from a clause whose subject may be the container itself."""
    if text.startswith("it "):
        return sentence(f"Container {name} {text.removeprefix('it ')}")
    return sentence(f"Container {name} was stopped because {text}")


def _stop_text(life: Life) -> str:
    """How it was stopped; empty for one that ended by itself."""
    if life.kill is None:
        return ""
    hook = life.failed_hook("preStop")
    sentences = []
    if hook is not None:
        took = brief(hook.duration_seconds)
        sentences.append(sentence(f"Its preStop hook failed after {took}: {hook.message}"))
    kills, grace = life.steps_of("KILL"), brief(life.kill.grace_period_seconds)
    end = f" ({exit_status(life.exit)})" if life.exit else ""
    if kills:
        outlived = brief(kills[-1].seconds)
        sentences.append(
            f"It was asked to stop with a grace period of {grace}, was still running {outlived} "
            f"after SIGTERM, and was killed{end}."
        )
    else:
        sentences.append(f"It was asked to stop with a grace period of {grace} and did so{end}.")
    return " ".join(sentences)


def _troubles(life: Life) -> tuple[Link, ...]:
    """Failures of the probes that decide over Ready, of an instance that runs."""
    links = []
    for kind in (ProbeKind.STARTUP, ProbeKind.READINESS, ProbeKind.LIVENESS):
        row = life.probes.get(kind)
        if row is not None and row.failures:
            links += probe_links(row)
    return tuple(sorted(links, key=lambda link: link.at))


def _facts(history: PodHistory) -> tuple[Link, ...]:
    links = [
        Link(record.at, f"new definition: {'; '.join(record.changes)}")
        for record in history.updates
        if record.changes
    ]
    for adoption in history.adoptions:
        how = "a new daemon took the pod over, as it ran"
        if not adoption.same_boot:
            how = "the host was started again: nothing of the pod ran any more"
        links.append(Link(adoption.at, how))
    for what, record in (
        ("deadline exceeded", history.deadline),
        ("evicted", history.evicted),
        ("cannot be stopped", history.kill_failed),
    ):
        if record is not None:
            links.append(Link(record.at, f"{what}: {record.message}"))
    for container in history.containers.values():
        if container.port_clash is not None:
            links.append(Link(container.port_clash.at, container.port_clash.message))
    return tuple(sorted(links, key=lambda link: link.at))


def _log(life: Life, logs: Logs) -> tuple[str, ...]:
    return tuple(logs.get((life.container, life.restart_count), ()))


def _count(restarts: int) -> str:
    return {1: "once", 2: "twice"}.get(restarts, f"{restarts} times")


# --- as JSON


def explanation_to_json(explanation: Explanation) -> Json:
    pod = explanation.pod
    return {
        "pod": {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
        "text": explanation.text,
        "since": _time(explanation.since),
        "facts": _links(explanation.facts),
        "containers": [
            {
                "name": container.name,
                "init": container.init,
                "kind": container.kind,
                "text": container.text,
                "restarts": container.restarts,
                "chain": _links(container.chain),
                "log": list(container.log),
                "endsKnown": container.ends_known,
                "ends": [_end_to_json(end) for end in container.ends],
            }
            for container in explanation.containers
        ],
    }


def _end_to_json(end: End) -> Json:
    return {
        "restart": end.restart,
        "at": _time(end.at),
        "cause": end.cause,
        "text": end.text,
        "exitCode": end.exit_code,
        "signal": end.signal,
        "backOffSeconds": end.back_off_seconds,
        "backOffUntil": _time(end.back_off_until),
        "chain": _links(end.chain),
        "log": list(end.log),
    }


def _links(links: Iterable[Link]) -> list[Json]:
    return [{"at": _time(link.at), "text": link.text} for link in links]


def _time(time: datetime | None) -> str | None:
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
