"""The words in which applications are scripted."""

from __future__ import annotations

import pytest

from minikubelet.mock.health import HealthScript
from minikubelet.simulate.app import App, Script
from minikubelet.simulate.script import PHRASES, ScriptError, parse_script


@pytest.mark.parametrize(
    ("text", "app"),
    [
        pytest.param("ready after 42s", App(HealthScript(ready_after=42)), id="ready"),
        pytest.param("ready at 42 s", App(HealthScript(ready_after=42)), id="a unit on its own"),
        pytest.param("ready after 42", App(HealthScript(ready_after=42)), id="plain seconds"),
        pytest.param("listens after 1m30s", App(HealthScript(listen_after=90)), id="listens"),
        pytest.param("fails at 5s", App(HealthScript(fail_after=5)), id="fails for good"),
        pytest.param(
            "fails at 5s for 500ms",
            App(HealthScript(fail_after=5, fail_for=0.5)),
            id="fails for a while",
        ),
        pytest.param("fails 2.5%", App(failing_share=0.025), id="fails at random"),
        pytest.param("flaps 3/10", App(HealthScript(flap=(3, 10))), id="flaps"),
        pytest.param("hangs at 300s", App(HealthScript(hang_after=300)), id="hangs"),
        pytest.param("answers in 900ms", App(HealthScript(slow=0.9)), id="answers in a fixed time"),
        pytest.param(
            "answers in 100ms..2s",
            App(HealthScript(slow=0.1), slowest=2),
            id="answers in a random time",
        ),
        pytest.param("exits after 3s", App(exit_after=3), id="exits well"),
        pytest.param("exits at 3s with 7", App(exit_after=3, exit_code=7), id="exits with a code"),
        pytest.param("runs out of memory at 1h", App(exit_after=3600, oom=True), id="memory"),
        pytest.param("ignores TERM", App(term_seconds=None), id="ignores TERM"),
        pytest.param("stops in 2s", App(term_seconds=2, term_code=0), id="stops in peace"),
        pytest.param(
            "stops in 2s with 143", App(term_seconds=2, term_code=143), id="stops with a code"
        ),
        pytest.param("hooks take 5s", App(hook_seconds=5), id="hooks"),
        pytest.param(
            "ready after 42 s, hangs at 300 s, answers in 900 ms, ignores TERM",
            App(HealthScript(ready_after=42, hang_after=300, slow=0.9), term_seconds=None),
            id="several phrases",
        ),
    ],
)
def test_what_a_script_says(text: str, app: App) -> None:
    assert parse_script(text) == Script((app,))


@pytest.mark.parametrize("separator", [" then ", ", then "])
def test_then_begins_the_next_start(separator: str) -> None:
    script = parse_script(f"exits at 3s with 1{separator}listens after 5s")
    first, second = App(exit_after=3, exit_code=1), App(HealthScript(listen_after=5))
    assert [script.app(start) for start in range(3)] == [first, second, second]


@pytest.mark.parametrize(
    ("text", "message", "column", "fix"),
    [
        pytest.param(
            "redy after 5s",
            'no phrase begins with "redy"',
            1,
            'did you mean "ready"?',
            id="a slip",
        ),
        pytest.param(
            "ready after 5s, smiles",
            'no phrase begins with "smiles"',
            17,
            "phrases begin with ready, listens, fails, flaps, hangs, answers, exits, runs, "
            "ignores, stops, hooks",
            id="an unknown phrase",
        ),
        pytest.param(
            "ready in 5s", '"at" or "after" is wanted here, not "in"', 7, "", id="another word"
        ),
        pytest.param("ready after", "a duration such as 10s is missing", 12, "", id="an end"),
        pytest.param("", 'a phrase such as "ready after 5s" is missing', 1, "", id="nothing"),
        pytest.param(
            "ready after soon",
            '"soon" is not a duration',
            13,
            "write 10s, 1m30s, 500ms or 10",
            id="no duration",
        ),
        pytest.param(
            "ready after 5s hangs at 9s",
            '"hangs" is too much here',
            16,
            "put a comma between phrases",
            id="a comma is missing",
        ),
        pytest.param(
            "hangs at 5s, hangs at 9s", '"hangs" is said twice', 14, "", id="the same twice"
        ),
        pytest.param(
            "exits at 3s with 256",
            '"256" is not an exit code from 0 to 255',
            18,
            "",
            id="no exit code",
        ),
        pytest.param("flaps 5/3", '"5/3" is not K/N, such as 3/10', 7, "", id="more than all"),
        pytest.param(
            "fails often",
            '"often" is neither a time nor a percentage',
            7,
            "write fails at 30s, or fails 5%",
            id="no share",
        ),
        pytest.param(
            "answers in 2s..1s",
            '"2s..1s": the shorter time comes first',
            12,
            "",
            id="a range the wrong way round",
        ),
        pytest.param("ignores INT", '"TERM" is wanted here, not "INT"', 9, "", id="a signal"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, message: str, column: int, fix: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script(text)
    error = caught.value
    assert (error.message, error.column, error.fix) == (message, column, fix)


def test_every_phrase_of_the_help_can_be_read() -> None:
    for line in PHRASES.splitlines():
        text = line[:26].strip().replace(" [for D]", "").replace(" [with CODE]", "")
        text = text.partition(" | ")[0].replace("K/N", "3/10").replace("P%", "5%")
        if not text.startswith("then"):
            parse_script(text.replace("D", "5s") if text != "ignores TERM" else text)
