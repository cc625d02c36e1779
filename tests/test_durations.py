"""Durations as they are typed."""

from __future__ import annotations

import argparse

import pytest

from minikubelet.durations import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("1.5s", 1.5), ("90", 90), ("0", 0)],
)
def test_understood(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "10x", "-1s", "1 s", "10s ", "1e3", "nan"])
def test_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write 10s, 1m30s, 500ms or 10"):
        duration(text)


@pytest.mark.parametrize("text", ["876001h", "99999999999h", "9" * 400])
def test_what_no_date_can_tell_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is longer than 100 years"):
        duration(text)
