"""Names that commands do not take. What `describe` says is in `test_as_kubectl.py`."""

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


@pytest.mark.parametrize("words", [["describe", "cm", ""], ["get", "cm", ""], ["logs", ""]])
def test_an_empty_name_is_no_name(run: Run, words: list[str]) -> None:
    assert run(*words) == (2, "", "error: resource name may not be empty\n")


def test_a_word_that_is_no_text_is_sent_as_it_is(run: Run) -> None:
    code, _, error = run("get", "cm", "\udcff")
    assert (code, "not found" in error) == (1, True)
    assert run("get", "cm", "-l", "a=\udcff")[0] == 1
