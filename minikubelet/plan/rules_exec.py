"""Rules about exec probes and hooks: MK210 … MK214. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.pod import ExecAction, Probe, ProbeKind
from minikubelet.plan.finding import PROBE_FIELDS, Harm, Subject, moments
from minikubelet.pod.durations import go_duration

START_SECONDS = {
    "java": 0.5,
    "mvn": 1.0,
    "kubectl": 0.1,
    "node": 0.05,
    "npm": 0.4,
    "npx": 0.4,
    "php": 0.02,
    "python": 0.02,
    "python3": 0.02,
    "ruby": 0.07,
}
"""CPU that a program takes at least to start and do nothing, on a usual machine."""
COST_LIMIT = 0.01
"""The share of one CPU that health checks may take."""

_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_OPERATORS = frozenset({"&&", "||", "|", ";", ">", "<", ">>", "2>&1"})


def program_missing(subject: Subject) -> Iterator[Harm]:
    """MK210 (P-347, B-8). A PATH of the container's own, and what volumes bring, is not judged."""
    container = subject.container
    if any(variable.name == "PATH" for variable in container.env):
        return
    mounts = tuple(mount.mount_path.rstrip("/") + "/" for mount in container.volume_mounts)
    for probe, action in _exec_probes(subject):
        program = action.command[0]
        if " " in program or program.startswith((*mounts, ".")) or subject.has_program(program):
            continue
        plan = subject.container_plan.probe(probe.kind)
        begin = plan.first_attempt.earliest if plan else 0.0
        yield Harm(
            _command_path(subject, probe),
            f"{program} is no program on this machine",
            moments(
                (0.0, "the process starts"),
                (begin, f"{PROBE_FIELDS[probe.kind]} cannot run {program}: the run errs"),
                (begin + probe.period_seconds, "again; on a cluster errors never count"),
            ),
            "install it, or correct the command",
        )


def command_is_one_string(subject: Subject) -> Iterator[Harm]:
    """MK211 (P-340)."""
    for probe, action in _exec_probes(subject):
        program = action.command[0]
        if " " in program:
            yield _not_a_shell(
                subject, probe, f'there is no program named "{program}": a command is a list'
            )


def shell_words_without_shell(subject: Subject) -> Iterator[Harm]:
    """MK212 (P-340)."""
    for probe, action in _exec_probes(subject):
        operators = [word for word in action.command if word in _OPERATORS]
        if operators and _base(action.command[0]) not in _SHELLS:
            yield _not_a_shell(
                subject, probe, f"{operators[0]} is an argument here: no shell reads the command"
            )


def curl_without_fail(subject: Subject) -> Iterator[Harm]:
    """MK213."""
    for probe, action in _exec_probes(subject):
        words = " ".join(action.command).split()
        if "curl" not in {_base(word) for word in words} or any(_fails(word) for word in words):
            continue
        plan = subject.container_plan.probe(probe.kind)
        begin = plan.first_attempt.earliest if plan else 0.0
        yield Harm(
            _command_path(subject, probe),
            "curl without -f exits with 0 whatever the status of the answer is",
            moments(
                (0.0, "the process starts, and is broken"),
                (begin, "curl is answered with status 500, and exits with 0"),
                (begin, f"success: {PROBE_FIELDS[probe.kind]} passes"),
            ),
            "use httpGet, or curl -f",
        )


def probe_costs_too_much(subject: Subject) -> Iterator[Harm]:
    """MK214 (B-7)."""
    for probe, action in _exec_probes(subject):
        words = " ".join(action.command).split()
        programs = [_base(word) for word in words if _base(word) in START_SECONDS]
        if not programs:
            continue
        cost = START_SECONDS[programs[0]]
        share = cost / probe.period_seconds
        if share < COST_LIMIT:
            continue
        period = probe.period_seconds
        yield Harm(
            _command_path(subject, probe),
            f"{programs[0]} takes about {go_duration(cost)} of CPU to start, every "
            f"{go_duration(period)}: {share:.0%} of a CPU for health checks alone",
            moments(
                (0.0, f"{programs[0]} is started"),
                (cost, "it has begun to look at the app"),
                (float(period), f"{programs[0]} is started again, and so on"),
            ),
            f"ask every {go_duration(-(-cost // COST_LIMIT))} or less often, or use httpGet",
        )


def _not_a_shell(subject: Subject, probe: Probe, message: str) -> Harm:
    plan = subject.container_plan.probe(probe.kind)
    begin = plan.first_attempt.earliest if plan else 0.0
    end = "the container is not Ready, and so on"
    at = begin + probe.period_seconds
    if probe.kind is not ProbeKind.READINESS and plan and plan.gives_up:
        end, at = "the container is killed, though it is well", plan.gives_up.earliest
    return Harm(
        _command_path(subject, probe),
        message,
        moments(
            (0.0, "the process starts, and is well"),
            (begin, f"{PROBE_FIELDS[probe.kind]} fails or errs"),
            (at, end),
        ),
        'write it as ["sh", "-c", "…"], or as a list of words',
    )


def _exec_probes(subject: Subject) -> Iterator[tuple[Probe, ExecAction]]:
    for probe in subject.container.probes():
        if probe.exec is not None and probe.exec.command:
            yield probe, probe.exec


def _command_path(subject: Subject, probe: Probe) -> FieldPath:
    return subject.probe_path(probe).child("exec", "command")


def _base(word: str) -> str:
    return word.rpartition("/")[2]


def _fails(word: str) -> bool:
    if word.startswith("--"):
        return word.startswith("--fail")
    return word.startswith("-") and "f" in word
