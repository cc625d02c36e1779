"""The grace arithmetic of stops, by hand (L-194 … L-197)."""

from __future__ import annotations

import pytest

from minikubelet.manifest.pod import ExecAction, Lifecycle, LifecycleHandler, Pod, SleepAction
from minikubelet.plan.pod_plan import back_off_delays
from minikubelet.plan.span import Span
from minikubelet.plan.stop_plan import PodStopPlan, StopPlan, plan_pod_stop, plan_stop
from tests.pod.builders import a_container, a_pod, a_sidecar

SLEEPS = LifecycleHandler(sleep=SleepAction(7))
RUNS = LifecycleHandler(exec=ExecAction(("drain",)))
ANY = Span(0, 30)


@pytest.mark.parametrize(
    ("pre_stop", "grace", "plan"),
    [
        pytest.param(
            None, 30, StopPlan(30, None, (), Span(), Span(30, 30), ANY), id="without preStop"
        ),
        pytest.param(
            SLEEPS,
            30,
            StopPlan(30, Span(7, 7), (), Span(7, 7), Span(30, 30), Span(7, 30)),
            id="preStop is taken off the grace period",
        ),
        pytest.param(
            SLEEPS,
            8,
            StopPlan(8, Span(7, 7), (), Span(7, 7), Span(9, 9), Span(7, 9)),
            id="two seconds are always left",
        ),
        pytest.param(
            SLEEPS,
            5,
            StopPlan(5, Span(5, 5), (), Span(5, 5), Span(7, 7), Span(5, 7)),
            id="preStop is not waited for beyond the grace period",
        ),
        pytest.param(
            RUNS,
            30,
            StopPlan(30, ANY, (), ANY, Span(30, 32), Span(0, 32)),
            id="a command takes any time",
        ),
        pytest.param(
            SLEEPS,
            0,
            StopPlan(0, None, (), Span(), Span(2, 2), Span(0, 2)),
            id="without grace no preStop, and two seconds",
        ),
    ],
)
def test_one_container(pre_stop: LifecycleHandler | None, grace: float, plan: StopPlan) -> None:
    container = a_container(lifecycle=Lifecycle(pre_stop=pre_stop))
    assert plan_stop(container, grace) == plan


def test_sidecars_go_last_in_reverse_order() -> None:  # L-197
    pod = a_pod(a_container(), init=(a_container("prepare"), a_sidecar("a"), a_sidecar("b")))
    waits = Span(30, 32)
    assert plan_pod_stop(pod) == PodStopPlan(
        30,
        {
            "app": StopPlan(30, None, (), Span(), Span(30, 30), ANY),
            "b": StopPlan(30, None, ("app",), ANY, waits, Span(0, 32)),
            "a": StopPlan(30, None, ("app", "b"), ANY, waits, Span(0, 32)),
        },
        Span(0, 32),
    )


@pytest.mark.parametrize(
    ("pod", "grace"),
    [
        pytest.param(a_pod(termination_grace_period_seconds=0), 1.0, id="at least a second"),
        pytest.param(a_pod(termination_grace_period_seconds=45), 45.0, id="the pod's own"),
    ],
)
def test_the_grace_period_of_a_pod(pod: Pod, grace: float) -> None:  # L-79
    assert plan_pod_stop(pod).grace_seconds == grace


def test_back_off() -> None:  # L-168, L-169
    assert back_off_delays() == (0, 10, 20, 40, 80, 160, 300)
