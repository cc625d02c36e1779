"""Rules about containers beside each other and the whole pod: MK401 … MK406. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.pod import Pod, ProbeKind
from minikubelet.plan.finding import PROBE_FIELDS, Harm, Subject, moments
from minikubelet.plan.pod_plan import PodPlan, post_start
from minikubelet.plan.rules_stop import known_seconds
from minikubelet.pod.durations import go_duration
from minikubelet.pod.restarts import restarts_on_failure

_SPEC = FieldPath().child("spec")
_LONG_HOOK_SECONDS = 10.0


def kill_without_restart(subject: Subject) -> Iterator[Harm]:
    """MK401 (P-153)."""
    if subject.container_plan.sidecar or restarts_on_failure(subject.pod, subject.container):
        return
    for plan in subject.container_plan.probes:
        if plan.gives_up is None:
            continue
        field = PROBE_FIELDS[plan.probe.kind]
        yield Harm(
            subject.probe_path(plan.probe),
            "kills the container for good: its restartPolicy is Never",
            moments(
                (0.0, "the process starts, and answers no probe"),
                (plan.first_attempt.earliest, f"{field} fails for the first time"),
                (plan.gives_up.earliest, "the container is killed, and is not started again"),
            ),
            "use restartPolicy OnFailure, or leave the probe out",
        )


def sidecar_is_not_waited_for(subject: Subject) -> Iterator[Harm]:
    """MK402 (P-154)."""
    plan = subject.container_plan
    readiness = plan.probe(ProbeKind.READINESS)
    if not plan.sidecar or readiness is None or plan.probe(ProbeKind.STARTUP) is not None:
        return
    yield Harm(
        subject.path,
        "the containers after it do not wait for its readinessProbe, only for a startupProbe",
        moments(
            (0.0, "the sidecar's process starts"),
            (post_start(subject.container).earliest, "the next container starts"),
            (max(readiness.passes.earliest, 1.0), "the sidecar is Ready, or later"),
        ),
        "give the sidecar a startupProbe",
    )


def hook_holds_others_back(subject: Subject) -> Iterator[Harm]:
    """MK403 (L-102)."""
    lifecycle = subject.container.lifecycle
    hook = known_seconds(lifecycle.post_start if lifecycle else None)
    names = [container.name for container in subject.pod.containers()]
    later = names[names.index(subject.container.name) + 1 :]
    if hook >= _LONG_HOOK_SECONDS and later:
        yield Harm(
            subject.path.child("lifecycle", "postStart"),
            f"holds back the start of {', '.join(later)} for {go_duration(hook)}",
            moments(
                (0.0, f"{subject.container.name} starts; its postStart hook begins"),
                (hook, f"the hook is over: {later[0]} starts"),
            ),
            "put the container last, or do this in the app",
        )


def deadline_before_ready(pod: Pod, plan: PodPlan) -> Iterator[Harm]:
    """MK404."""
    deadline = pod.spec.active_deadline_seconds
    if deadline is None or plan.ready is None or plan.ready.earliest < deadline:
        return
    yield Harm(
        _SPEC.child("activeDeadlineSeconds"),
        "the Pod is stopped before it can be Ready",
        moments(
            (0.0, "the Pod starts"),
            (float(deadline), "the deadline: the Pod is stopped, and has failed"),
            (plan.ready.earliest, "it would have been Ready, at the earliest"),
        ),
        f"raise it above {go_duration(plan.ready.earliest)}",
    )


def ports_clash(pod: Pod, plan: PodPlan) -> Iterator[Harm]:
    """MK405. The containers of a pod share one network."""
    owners: dict[tuple[int, str], str] = {}
    starts = {container.name: container.starts.earliest for container in plan.containers}
    for index, container in enumerate(pod.spec.containers):
        for at, port in enumerate(container.ports):
            owner = owners.setdefault((port.container_port, port.protocol), container.name)
            if owner == container.name:
                continue
            path = _SPEC.child("containers").index(index).child("ports").index(at)
            begins = max(starts[container.name], starts[owner])
            yield Harm(
                path.child("containerPort"),
                f"{port.container_port} is the port of container {owner} too, and all containers "
                "of a Pod share one network",
                moments(
                    (starts[owner], f"{owner} starts, and listens on {port.container_port}"),
                    (begins, f"{container.name} starts: address already in use"),
                ),
                "give each container a port of its own",
            )


def never_ready(pod: Pod, plan: PodPlan) -> Iterator[Harm]:
    """MK406."""
    if not pod.spec.readiness_gates:
        return
    ready = max(c.ready.earliest for c in plan.containers if c.ready is not None)
    yield Harm(
        _SPEC.child("readinessGates"),
        "the Pod is Ready only when somebody else sets "
        f"{', '.join(pod.spec.readiness_gates)}: by itself never",
        moments(
            (0.0, "the containers start"),
            (ready, "all of them are ready, at the earliest; the Pod is not"),
        ),
        "make sure that a controller sets the condition where the Pod will run",
    )
