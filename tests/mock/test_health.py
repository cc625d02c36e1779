"""The script of a mock server's health."""

from __future__ import annotations

import pytest

from minikubelet.mock.health import Health, HealthScript

OK, NOT_READY, FAILING, HANGING = Health.OK, Health.NOT_READY, Health.FAILING, Health.HANGING


@pytest.mark.parametrize(
    ("script", "elapsed", "alive", "ready"),
    [
        pytest.param(HealthScript(), 0, OK, OK, id="nothing scripted"),
        pytest.param(HealthScript(ready_after=7), 6.9, OK, NOT_READY, id="before it is ready"),
        pytest.param(HealthScript(ready_after=7), 7, OK, OK, id="from then on it is"),
        pytest.param(HealthScript(fail_after=60), 59.9, OK, OK, id="before it fails"),
        pytest.param(HealthScript(fail_after=60), 60, FAILING, FAILING, id="from then on it does"),
        pytest.param(
            HealthScript(fail_after=60, fail_for=5), 65, OK, OK, id="well again after failing"
        ),
        pytest.param(
            HealthScript(fail_after=1, ready_after=9),
            2,
            FAILING,
            FAILING,
            id="failing, not unready",
        ),
        pytest.param(
            HealthScript(hang_after=3, fail_after=1), 3, HANGING, HANGING, id="hanging comes last"
        ),
    ],
)
def test_answer(script: HealthScript, elapsed: float, alive: Health, ready: Health) -> None:
    assert script.answer(elapsed, 0, readiness=False) is alive
    assert script.answer(elapsed, 0, readiness=True) is ready


def test_flapping_fails_the_last_of_each_round() -> None:
    script = HealthScript(flap=(2, 5))
    answers = [script.answer(0, number, readiness=False) for number in range(10)]
    assert answers == [OK, OK, OK, FAILING, FAILING] * 2


def test_changes_in_order_of_time() -> None:
    script = HealthScript(ready_after=9, fail_after=2, fail_for=3, hang_after=20)
    assert script.changes() == [
        (2, "failing"),
        (5, "well again"),
        (9, "ready"),
        (20, "hanging: requests are taken and not answered"),
    ]
