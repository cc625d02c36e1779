from __future__ import annotations

import logging

import pytest

from minikubelet.log import get_logger


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("default/web", "default/web"),
        (137, "137"),
        ("Straße", "Straße"),
        ("", '""'),
        ("two words", '"two words"'),
        ('a="b"', '"a=\\"b\\""'),
        ("zwei Straßen", '"zwei Straßen"'),
        pytest.param("a\nERROR b", '"a\\nERROR b"', id="a line of one's own"),
        pytest.param("a\rERROR", '"a\\rERROR"', id="the line over again"),
        pytest.param("\x1b[2J", '"\\u001b[2J"', id="a command to the terminal"),
        pytest.param("\x9b2J", '"\\u009b2J"', id="the same in one sign"),
        pytest.param("\udcff", '"\\udcff"', id="a byte that is no text"),
    ],
)
def test_a_value_stays_in_its_place(
    value: object, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "minikubelet.test"):
        get_logger("minikubelet.test").info("something happened", what=value, then=1)
    assert caplog.messages == [f"something happened what={shown} then=1"]
