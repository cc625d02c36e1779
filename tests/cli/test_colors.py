"""When to color, and what a container may do to a terminal."""

from __future__ import annotations

import pytest

from minikubelet.cli.colors import container_color, printable, use_color


@pytest.mark.parametrize(
    ("is_terminal", "no_color", "environ", "colored"),
    [
        pytest.param(True, False, {}, True, id="a terminal"),
        pytest.param(False, False, {}, False, id="a pipe"),
        pytest.param(True, True, {}, False, id="--no-color"),
        pytest.param(True, False, {"NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param(True, False, {"NO_COLOR": ""}, True, id="an empty NO_COLOR counts as none"),
        pytest.param(False, False, {"FORCE_COLOR": "1"}, True, id="FORCE_COLOR on a pipe"),
        pytest.param(True, False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, id="NO_COLOR wins"),
        pytest.param(False, True, {"FORCE_COLOR": "1"}, False, id="so does --no-color"),
        pytest.param(True, False, {"TERM": "dumb"}, False, id="a terminal that cannot"),
    ],
)
def test_colors_are_used(
    is_terminal: bool, no_color: bool, environ: dict[str, str], colored: bool
) -> None:
    assert use_color(is_terminal=is_terminal, no_color=no_color, environ=environ) is colored


def test_eight_containers_have_eight_colors_without_red_and_yellow() -> None:
    colors = {container_color(index) for index in range(8)}
    assert len(colors) == 8
    assert colors.isdisjoint({f"\x1b[{code}m" for code in (31, 33, 91, 93)})
    assert container_color(8) == container_color(0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain, 日本 — ü 🙂", "plain, 日本 — ü 🙂", id="text"),
        pytest.param("a\tb", "a\tb", id="a tab"),
        pytest.param("\x1b[1;31mred\x1b[m", "\x1b[1;31mred\x1b[m\x1b[0m", id="colors end with it"),
        pytest.param("\x1b[2J\x1b[H", "^[[2J^[[H", id="clearing the screen"),
        pytest.param("\x1b]0;title\x07", "^[]0;title^G", id="setting the title"),
        pytest.param("50%\r60%", "50%^M60%", id="a carriage return"),
        pytest.param("a\x00\x7f\x08", "a^@^?^H", id="other controls"),
        pytest.param("\x9b2J", "M-^[2J", id="controls of eight bits"),
        pytest.param("\x1b", "^[", id="a lone escape"),
    ],
)
def test_what_a_terminal_gets_to_see(text: str, shown: str) -> None:
    assert printable(text) == shown
