"""How long a stop takes and who waits for whom (L-79, L-194 … L-201, P-700 … P-705)."""

from __future__ import annotations

import pytest

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Lifecycle, LifecycleHandler, Pod, ProbeKind, SleepAction
from minikubelet.pod.termination import (
    effective_grace,
    kill_grace_seconds,
    remaining_after,
    runs_pre_stop,
    stop_order,
    time_left,
)
from tests.pod.builders import a_container, a_pod, a_probe, a_sidecar, deleted

PROBED = a_container(
    liveness_probe=a_probe(ProbeKind.LIVENESS, termination_grace_period_seconds=7),
    startup_probe=a_probe(ProbeKind.STARTUP, termination_grace_period_seconds=90),
)
PLAIN = a_container(liveness_probe=a_probe(ProbeKind.LIVENESS))


@pytest.mark.parametrize(
    ("pod", "cause", "seconds"),
    [
        # L-194, P-700
        pytest.param(a_pod(PROBED), KillCause.LIVENESS, 7, id="the liveness probe's own"),
        pytest.param(a_pod(PROBED), KillCause.STARTUP, 90, id="P-701: it may be longer"),
        pytest.param(a_pod(PROBED), KillCause.DEFINITION_CHANGED, 30, id="other kills: the pod's"),
        pytest.param(a_pod(PLAIN), KillCause.LIVENESS, 30, id="P-703: unset means the pod's"),
        pytest.param(
            a_pod(PLAIN, termination_grace_period_seconds=0),
            KillCause.LIVENESS,
            0,
            id="0 is a value",
        ),
        pytest.param(deleted(a_pod(PROBED), 3), KillCause.LIVENESS, 3, id="deletion goes first"),
    ],
)
def test_grace_of_a_kill(pod: Pod, cause: KillCause, seconds: float) -> None:
    assert kill_grace_seconds(pod, pod.spec.containers[0], cause) == seconds


@pytest.mark.parametrize(
    ("pod", "requested", "seconds"),
    [
        # L-79
        pytest.param(a_pod(), (), 30, id="nobody asks: the pod's"),
        pytest.param(a_pod(), (None,), 30, id="a request without a value changes nothing"),
        pytest.param(a_pod(), (60.0,), 60, id="a request replaces the pod's"),
        pytest.param(a_pod(), (60.0, 5.0, 20.0), 5, id="the least request counts"),
        pytest.param(a_pod(), (0.0,), 1, id="at least a second"),
        pytest.param(deleted(a_pod(), 10), (60.0,), 10, id="deletion asks too"),
        pytest.param(
            a_pod(termination_grace_period_seconds=0), (), 1, id="a pod's 0 is a second as well"
        ),
    ],
)
def test_effective_grace(pod: Pod, requested: tuple[float | None, ...], seconds: float) -> None:
    assert effective_grace(pod, *requested) == seconds


@pytest.mark.parametrize(
    ("grace", "spent", "left", "until_kill"),
    [
        # L-196
        pytest.param(30, (), 30, 30, id="nothing was spent"),
        pytest.param(30, (4.99,), 26, 26, id="fractions of a wait are not deducted"),
        pytest.param(30, (4.6, 3.7), 23, 23, id="each wait is cut by itself"),
        pytest.param(30, (29.5,), 1, 2, id="two seconds remain for the signal"),
        pytest.param(10, (40.0,), 0, 2, id="also when the hook took it all"),
        pytest.param(0, (), 0, 2, id="also with a grace period of 0"),
        pytest.param(1, (), 1, 2, id="also with a grace period of 1"),
    ],
)
def test_remaining_grace(
    grace: float, spent: tuple[float, ...], left: float, until_kill: float
) -> None:
    assert (time_left(grace, *spent), remaining_after(grace, *spent)) == (left, until_kill)


def test_pre_stop_runs_only_with_a_grace_period() -> None:  # L-191
    hooked = a_container(lifecycle=Lifecycle(pre_stop=LifecycleHandler(sleep=SleepAction(1))))
    assert runs_pre_stop(hooked, 1)
    assert not runs_pre_stop(hooked, 0)
    assert not runs_pre_stop(a_container(), 30)


NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("running", "order"),
    [
        # L-197: init containers are s1, once, s2, s3; regular ones a, b
        pytest.param(
            {"a", "b", "s1", "s2", "s3"},
            {
                "a": NOBODY,
                "b": NOBODY,
                "s3": frozenset({"a", "b"}),
                "s2": frozenset({"a", "b", "s3"}),
                "s1": frozenset({"a", "b", "s2"}),
            },
            id="sidecars go after the regular ones, in reverse order",
        ),
        pytest.param(
            {"b", "s1", "s2"},
            {"b": NOBODY, "s2": frozenset({"b"}), "s1": frozenset({"b", "s2"})},
            id="what does not run counts as stopped",
        ),
        pytest.param(
            {"s1", "s3"},
            {"s3": NOBODY, "s1": NOBODY},
            id="only the next later sidecar is waited for",
        ),
        pytest.param({"once"}, {"once": NOBODY}, id="an init container waits for nobody"),
        pytest.param(
            {"s1", "once"},
            {"s1": NOBODY, "once": NOBODY},
            id="nobody waits for an init container",
        ),
        pytest.param(set(), {}, id="nothing runs"),
    ],
)
def test_stop_order(running: set[str], order: dict[str, frozenset[str]]) -> None:
    pod = a_pod(
        a_container("a"),
        a_container("b"),
        init=[a_sidecar("s1"), a_container("once"), a_sidecar("s2"), a_sidecar("s3")],
    )
    assert stop_order(pod, running) == order
