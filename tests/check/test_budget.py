"""How long a check waits for a Pod when nobody says so, and how long it watches."""

from __future__ import annotations

import pytest

from minikubelet.check.budget import default_soak, startup_budget
from minikubelet.manifest.pod import Lifecycle, LifecycleHandler, Pod, ProbeKind, SleepAction
from tests.pod.builders import a_container, a_pod, a_probe, a_sidecar

STARTUP = a_probe(ProbeKind.STARTUP, failure_threshold=30, period_seconds=10, timeout_seconds=1)
READINESS = a_probe(ProbeKind.READINESS, initial_delay_seconds=5, period_seconds=10)
LIVENESS = a_probe(
    ProbeKind.LIVENESS, initial_delay_seconds=60, failure_threshold=3, period_seconds=10
)
SLEEP = Lifecycle(post_start=LifecycleHandler(sleep=SleepAction(7)))


@pytest.mark.parametrize(
    ("pod", "to_completion", "seconds"),
    [
        pytest.param(a_pod(), False, 30, id="without probes, the margin"),
        pytest.param(
            a_pod(a_container(readiness_probe=READINESS)),
            False,
            30 + 5 + 10 + 1,
            id="a readiness probe: its delay, a period, a time-out",
        ),
        pytest.param(
            a_pod(a_container(startup_probe=STARTUP, readiness_probe=READINESS)),
            False,
            30 + 301 + 10 + 1,
            id="readiness begins where the startup probe ends",
        ),
        pytest.param(
            a_pod(a_container(liveness_probe=LIVENESS)),
            False,
            30 + 60 + 30 + 1,
            id="without a startup probe, liveness bounds the start",
        ),
        pytest.param(
            a_pod(a_container("a", startup_probe=STARTUP), a_container("b", lifecycle=SLEEP)),
            False,
            30 + 301,
            id="containers start side by side: the slowest counts",
        ),
        pytest.param(
            a_pod(init=(a_container("migrate"), a_sidecar(startup_probe=STARTUP))),
            False,
            30 + 300 + 301,
            id="init containers and sidecars come one after the other",
        ),
        pytest.param(a_pod(), True, 30 + 300, id="a run to completion"),
        pytest.param(
            a_pod(active_deadline_seconds=20), True, 50, id="activeDeadlineSeconds bounds a run"
        ),
    ],
)
def test_startup_budget(pod: Pod, to_completion: bool, seconds: float) -> None:
    assert startup_budget(pod, to_completion=to_completion) == seconds


def test_only_what_has_no_probe_needs_a_soak() -> None:
    proved = a_pod(a_container(readiness_probe=READINESS))
    assert default_soak([proved]) == 0
    assert default_soak([proved, a_pod()]) == 2
