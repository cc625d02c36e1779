"""How the end of a session is told, and what a terminal's size looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.apiserver.wire.outcomes import Outcome
from minikubelet.apiserver.wire.terminal import SizeReader, TerminalSize

FAILURE = (
    b'{"metadata":{},"status":"Failure","message":"command terminated with exit code 137",'
    b'"reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"137"}]}}'
)


@pytest.mark.parametrize(
    ("outcome", "as_status", "told"),
    [
        (Outcome(0), True, b'{"metadata":{},"status":"Success"}'),
        (Outcome(137), True, FAILURE),
        (
            Outcome(None, "no such thing"),
            True,
            b'{"metadata":{},"status":"Failure",'
            b'"message":"Internal error occurred: no such thing","reason":"InternalError",'
            b'"details":{"causes":[{"message":"no such thing"}]},"code":500}',
        ),
        (Outcome(0), False, b""),  # K-74
        (Outcome(3), False, b"command terminated with exit code 3"),
    ],
)
def test_outcomes(outcome: Outcome, as_status: bool, told: bytes) -> None:  # K-76
    assert outcome.encode(as_status=as_status) == told


@pytest.mark.parametrize(
    ("data", "sizes"),
    [
        pytest.param(b'{"Width":80,"Height":24}', [(80, 24)], id="WebSocket"),
        pytest.param(
            b'{"Width":81,"Height":25}\n{"Width":80,"Height":24}\n',
            [(81, 25), (80, 24)],
            id="two at once on SPDY",
        ),
        pytest.param(b'{"width":80,"height":24}', [], id="lower case is not understood"),
        pytest.param(b'{"Width":0,"Height":0}{"Width":1,"Height":1}', [(1, 1)], id="no size"),
        pytest.param(b'{"Width":"80","Height":24}', [], id="text"),
        pytest.param(b'nonsense {"Width":1,"Height":2}', [(1, 2)], id="rubbish in front"),
        pytest.param(b'{"Width":70000,"Height":2}', [], id="larger than any terminal"),
    ],
)
def test_sizes(data: bytes, sizes: list[tuple[int, int]]) -> None:  # K-75
    whole, pieces = SizeReader(), SizeReader()
    assert whole.feed(data) == [TerminalSize(*size) for size in sizes]
    found = [size for byte in data for size in pieces.feed(bytes((byte,)))]
    assert found == [TerminalSize(*size) for size in sizes]


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_are_no_size(pieces: list[bytes]) -> None:
    reader = SizeReader()
    for piece in pieces:
        assert all(isinstance(size, TerminalSize) for size in reader.feed(piece))


def test_a_size_that_never_ends_is_forgotten() -> None:
    reader = SizeReader()
    for _ in range(20):
        reader.feed(b'{"Width":' + b" " * 1000)
    assert len(reader._held) <= 4096
    reader.feed(b"}" * 5000)
    assert reader.feed(b'{"Width":1,"Height":2}') == [TerminalSize(1, 2)]
