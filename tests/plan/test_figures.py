"""Names of figures, and what changes between two plans."""

from __future__ import annotations

from minikubelet.manifest.pod import ProbeKind
from minikubelet.plan.figures import Change, changes
from minikubelet.plan.pod_plan import plan_pod
from minikubelet.plan.span import ANY_TIME, Span, all_of, any_of
from tests.pod.builders import a_container, a_pod, a_probe


def test_nothing_changes() -> None:
    pod = a_pod(a_container(liveness_probe=a_probe(ProbeKind.LIVENESS)))
    assert changes(plan_pod(pod), plan_pod(pod)) == ()


def test_a_new_probe_and_a_longer_grace_period() -> None:
    probe = a_probe(ProbeKind.READINESS, initial_delay_seconds=5)
    new = a_pod(a_container(readiness_probe=probe), termination_grace_period_seconds=60)
    assert changes(plan_pod(a_pod()), plan_pod(new)) == (
        Change("", "", "ready", Span(), Span(5, 6)),
        Change("", "", "stopped", Span(0, 30), Span(0, 60)),
        Change("app", "", "ready", Span(), Span(5, 6)),
        Change("app", "readinessProbe", "firstAttempt", None, Span(5, 5)),
        Change("app", "readinessProbe", "every", None, Span(10, 10)),
        Change("app", "readinessProbe", "passes", None, Span(5, 6)),
        Change("app", "readinessProbe", "detectsFailure", None, Span(19, 30)),
        Change("app", "readinessProbe", "detectsHang", None, Span(20, 31)),
        Change("app", "readinessProbe", "recovers", None, Span(0, 11)),
        Change("app", "stop", "kill", Span(30, 30), Span(60, 60)),
    )


def test_spans() -> None:
    assert (Span(1, 2) + ANY_TIME, Span(1, 2) + Span(3, 4)) == (Span(1, None), Span(4, 6))
    assert (all_of((Span(1, 9), Span(3, 4))), all_of(())) == (Span(3, 9), Span())
    assert (any_of(Span(1, 2), Span(3, 4)), any_of(Span(1, 2), ANY_TIME)) == (Span(1, 4), ANY_TIME)
    assert [str(s) for s in (Span(2, 2), Span(0, 90), Span(1.5, None))] == [
        "2s",
        "0s…1m30s",
        "1.5s…∞",
    ]
