"""`minikubelet describe` and `top`: what they refuse; what they say is in `test_as_kubectl.py`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["describe", "pod", "web", "-A"], id="describe"),
        pytest.param(["describe", "pod/web", "-A"], id="describe kind/name"),
        pytest.param(["top", "pod", "web", "-A"], id="top"),
    ],
)
def test_no_name_everywhere(run: Run, words: list[str]) -> None:
    error = "error: a resource cannot be retrieved by name across all namespaces\n"
    assert run(*words) == (2, "", error)
