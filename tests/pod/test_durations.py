"""Durations read as Go prints them."""

from __future__ import annotations

import pytest

from minikubelet.pod.durations import go_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "0s", id="nothing"),
        pytest.param(10, "10s", id="seconds alone"),
        pytest.param(80, "1m20s", id="minutes and seconds"),
        pytest.param(300, "5m0s", id="full minutes keep their seconds"),
        pytest.param(3600, "1h0m0s", id="full hours keep minutes and seconds"),
        pytest.param(3 * 3600 + 25 * 60 + 45.5, "3h25m45.5s", id="a fraction after hours"),
        pytest.param(1.5, "1.5s", id="a fraction of a second"),
        pytest.param(0.25, "250ms", id="below a second in milliseconds"),
        pytest.param(0.0015, "1.5ms", id="milliseconds with a fraction"),
        pytest.param(0.000_04, "40µs", id="microseconds"),
        pytest.param(0.000_000_9, "900ns", id="nanoseconds"),
        pytest.param(59.999_999_999, "59.999999999s", id="exact to the nanosecond"),
        pytest.param(-61.5, "-1m1.5s", id="a negative one"),
    ],
)
def test_go_duration(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text
