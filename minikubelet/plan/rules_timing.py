"""Rules about the numbers of probes: MK101 … MK109. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest.pod import ProbeKind
from minikubelet.plan.finding import PROBE_FIELDS, Harm, Subject, moments
from minikubelet.plan.probe_plan import longest_gap
from minikubelet.pod.durations import go_duration

_LONG_DETECTION_SECONDS = 600.0


def kills_before_start(subject: Subject) -> Iterator[Harm]:
    """MK101. The delay of the readiness probe is what the author expects the start to take."""
    container = subject.container
    liveness, readiness = container.liveness_probe, container.readiness_probe
    plan = subject.container_plan.probe(ProbeKind.LIVENESS)
    if container.startup_probe or not liveness or not readiness or not plan or not plan.gives_up:
        return
    killed, expected = plan.gives_up.earliest, float(readiness.initial_delay_seconds)
    if expected >= killed > 0:
        yield Harm(
            subject.probe_path(liveness),
            f"kills after {go_duration(killed)}, but readinessProbe expects the start to take "
            f"{go_duration(expected)}",
            moments(
                (0.0, "the process starts"),
                (plan.first_attempt.earliest, "livenessProbe fails for the first time"),
                (killed, f"{liveness.failure_threshold} failures: the container is killed"),
                (expected, "readinessProbe would have asked for the first time"),
            ),
            "add a startupProbe with the same handler: livenessProbe waits until it has succeeded",
        )


def startup_budget_too_short(subject: Subject) -> Iterator[Harm]:
    """MK102."""
    startup, readiness = subject.container.startup_probe, subject.container.readiness_probe
    plan = subject.container_plan.probe(ProbeKind.STARTUP)
    if not startup or not readiness or not plan or not plan.gives_up:
        return
    killed, expected = plan.gives_up.earliest, float(readiness.initial_delay_seconds)
    if expected > killed:
        yield Harm(
            subject.probe_path(startup),
            f"kills after {go_duration(killed)}, but readinessProbe expects the start to take "
            f"{go_duration(expected)}",
            moments(
                (0.0, "the process starts"),
                (plan.first_attempt.earliest, "startupProbe fails for the first time"),
                (killed, f"{startup.failure_threshold} failures: the container is killed"),
                (expected, "readinessProbe would have asked for the first time"),
            ),
            "raise failureThreshold of the startupProbe, and remove the delay of readinessProbe",
        )


def timeout_not_below_period(subject: Subject) -> Iterator[Harm]:
    """MK103. A period of one second leaves no shorter time-out."""
    for probe in subject.container.probes():
        timeout, period = probe.timeout_seconds, probe.period_seconds
        if timeout < period or timeout == 1:
            continue
        gap = longest_gap(probe)
        yield Harm(
            subject.probe_path(probe).child("timeoutSeconds"),
            f"{go_duration(timeout)} is not below the period of {go_duration(period)}: an app that "
            "hangs is asked again without a pause, and noticed later than the period says",
            moments(
                (0.0, "the app hangs, and a run begins"),
                (float(period), "the next run would be due, but this one still waits"),
                (gap, "it times out; the next run begins at once"),
                (probe.failure_threshold * gap, f"{probe.failure_threshold} failures: it counts"),
            ),
            "set timeoutSeconds below periodSeconds",
        )


def liveness_like_readiness(subject: Subject) -> Iterator[Harm]:
    """MK104. The same question, answered as fast: being taken out of service gains nothing."""
    liveness, readiness = subject.container.liveness_probe, subject.container.readiness_probe
    if not liveness or not readiness or _handler(liveness) != _handler(readiness):
        return
    dead = float(liveness.failure_threshold * liveness.period_seconds)
    unready = float(readiness.failure_threshold * readiness.period_seconds)
    if dead <= unready:
        yield Harm(
            subject.probe_path(liveness),
            "asks what readinessProbe asks, and kills no later than that one takes the Pod out of "
            "service: an app that is busy for a while is restarted instead of spared",
            moments(
                (0.0, "the app is overloaded and answers no probe"),
                (dead, "livenessProbe has failed for good: the container is killed"),
                (unready, "readinessProbe would have taken it out of service to recover"),
            ),
            "give livenessProbe a question that only a restart can help, or a higher "
            "failureThreshold",
        )


def killed_before_unready(subject: Subject) -> Iterator[Harm]:
    """MK105."""
    liveness, readiness = subject.container.liveness_probe, subject.container.readiness_probe
    if not liveness or not readiness or _handler(liveness) == _handler(readiness):
        return
    dead = float(liveness.failure_threshold * liveness.period_seconds)
    unready = float(readiness.failure_threshold * readiness.period_seconds)
    if dead < unready:
        yield Harm(
            subject.probe_path(readiness),
            f"takes {go_duration(unready)} to notice a failure, and livenessProbe kills after "
            f"{go_duration(dead)}: the Pod gets requests until it is killed",
            moments(
                (0.0, "the app fails"),
                (dead, "livenessProbe has failed for good: the container is killed"),
                (unready, "readinessProbe would have taken it out of service"),
            ),
            "let readinessProbe fail first: a shorter period or a lower failureThreshold",
        )


def one_failure_kills(subject: Subject) -> Iterator[Harm]:
    """MK106."""
    liveness = subject.container.liveness_probe
    plan = subject.container_plan.probe(ProbeKind.LIVENESS)
    if not liveness or not plan or liveness.failure_threshold > 1:
        return
    first = plan.first_attempt.earliest
    slow = float(liveness.timeout_seconds)
    yield Harm(
        subject.probe_path(liveness).child("failureThreshold"),
        "a single slow answer restarts the container",
        moments(
            (0.0, "the process starts"),
            (first, "livenessProbe asks, while the app is busy"),
            (first + slow, "no answer within timeoutSeconds: the container is killed"),
        ),
        "set failureThreshold to 2 or more",
    )


def delay_without_effect(subject: Subject) -> Iterator[Harm]:
    """MK107 (P-135, B-12)."""
    startup = subject.container_plan.probe(ProbeKind.STARTUP)
    if startup is None:
        return
    for plan in subject.container_plan.probes:
        probe = plan.probe
        delay = float(probe.initial_delay_seconds)
        if probe.kind is ProbeKind.STARTUP or not 0 < delay <= startup.passes.earliest:
            continue
        yield Harm(
            subject.probe_path(probe).child("initialDelaySeconds"),
            "has no effect: it counts from the start of the container, not from the success of "
            "startupProbe, which cannot come before",
            moments(
                (0.0, "the process starts, and the delay with it"),
                (delay, "the delay is over"),
                (startup.passes.earliest, "startupProbe succeeds at the earliest"),
                (plan.first_attempt.earliest, f"{PROBE_FIELDS[probe.kind]} asks at the earliest"),
            ),
            "remove it",
        )


def hang_noticed_late(subject: Subject) -> Iterator[Harm]:
    """MK108."""
    plan = subject.container_plan.probe(ProbeKind.LIVENESS)
    if plan is None or plan.detects_hang is None or plan.detects_hang.latest is None:
        return
    latest = plan.detects_hang.latest
    if latest > _LONG_DETECTION_SECONDS:
        count = plan.probe.failure_threshold
        yield Harm(
            subject.probe_path(plan.probe),
            f"an app that hangs is noticed only after up to {go_duration(latest)}",
            moments(
                (0.0, "the app hangs, just after a run"),
                (longest_gap(plan.probe), "the next run begins"),
                (latest, f"{count} failed in a row: the container is killed"),
            ),
            "lower periodSeconds or failureThreshold; slow starts are for startupProbe",
        )


def delay_instead_of_startup(subject: Subject) -> Iterator[Harm]:
    """MK109."""
    liveness = subject.container.liveness_probe
    plan = subject.container_plan.probe(ProbeKind.LIVENESS)
    if not liveness or not plan or not plan.gives_up or subject.container.startup_probe:
        return
    delay = float(liveness.initial_delay_seconds)
    if delay >= 60:
        yield Harm(
            subject.probe_path(liveness).child("initialDelaySeconds"),
            f"after every start nobody looks for {go_duration(delay)}, however fast the app is up",
            moments(
                (0.0, "the process starts"),
                (1.0, "the app is up, and hangs"),
                (delay, "livenessProbe asks for the first time"),
                (plan.gives_up.earliest, "the container is killed, at the earliest"),
            ),
            "use a startupProbe with a high failureThreshold instead of the delay",
        )


def _handler(probe: object) -> tuple[object, ...]:
    return tuple(getattr(probe, name) for name in ("exec", "http_get", "tcp_socket", "grpc"))
