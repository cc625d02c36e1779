"""SPDY/3.1 against captured bytes, cut bytes, and bytes that nobody should send."""

from __future__ import annotations

import hashlib
import itertools
import struct
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.apiserver.wire.spdy import (
    GoingAway,
    ResetStatus,
    SpdyConnection,
    SpdyEvent,
    StreamData,
    StreamOpened,
    StreamReset,
)
from minikubelet.apiserver.wire.spdy_dictionary import SPDY_DICTIONARY
from minikubelet.apiserver.wire.spdy_frames import (
    MAX_CONTROL_BYTES,
    FrameType,
    SpdyError,
    control_frame,
    data_header,
)
from minikubelet.apiserver.wire.spdy_headers import (
    MAX_BLOCK_BYTES,
    HeaderCompressor,
    HeaderDecompressor,
    HeaderError,
)
from tests.apiserver.wire.spdy_peer import Said, SpdyPeer

# Captured from `kubectl exec` of 1.27; the later ones use what the compression has learned.
CAPTURED = [
    "80030001 00000029 00000001 00000000 0000 78f9e3c6a7c2"
    "6260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff",
    "80030001 00000019 00000003 00000000 0000 c22ac5565c92925f5a02000000ffff",
    "80030001 00000015 00000005 00000000 0000 c229975a5404000000ffff",
]
CAPTURED_EVENTS: list[SpdyEvent] = [
    StreamOpened(1, {"streamtype": "error"}),
    StreamOpened(3, {"streamtype": "stdout"}),
    StreamOpened(5, {"streamtype": "stderr"}),
]
SPDY_REPLIES = "80030002 00000014 00000001 78f9e3c6a7c202a6230600000000ffff"


def sent(connection: SpdyConnection) -> bytes:
    return b"".join(connection.take_output())


def opened(peer: SpdyPeer, connection: SpdyConnection, *kinds: str) -> list[int]:
    numbers = []
    for kind in kinds:
        number, frame = peer.open(streamtype=kind)
        assert connection.receive(frame) == [StreamOpened(number, {"streamtype": kind})]
        assert peer.receive(sent(connection)) == [Said("reply", number)]
        numbers.append(number)
    return numbers


def test_the_dictionary() -> None:  # K-82
    assert len(SPDY_DICTIONARY) == 1423
    assert zlib.adler32(SPDY_DICTIONARY) == 0xE3C6A7C2
    assert hashlib.sha256(SPDY_DICTIONARY).hexdigest() == (
        "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02"
    )


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_kubectl_sends(size: int) -> None:
    connection = SpdyConnection()
    raw = bytes.fromhex("".join(CAPTURED))
    events: list[SpdyEvent] = []
    for start in range(0, len(raw), size):
        events += connection.receive(raw[start : start + size])
    assert events == CAPTURED_EVENTS


def test_what_kubectl_understands() -> None:
    connection = SpdyConnection()
    connection.receive(bytes.fromhex("".join(CAPTURED)))
    # zlib may choose other bytes than Go's for the same block; the frame around it is the same.
    replies = sent(connection)
    inflate = HeaderDecompressor()
    assert inflate.decompress(bytes.fromhex(SPDY_REPLIES)[12:]) == {}
    assert inflate.decompress(bytes.fromhex("020100000000ffff")) == {}
    peer = SpdyPeer()
    assert peer.receive(replies) == [Said("reply", n) for n in (1, 3, 5)]
    connection.send_data(3, b"hi\n")
    connection.send_data(3, b"", fin=True)
    connection.go_away()
    assert sent(connection) == bytes.fromhex(
        "00000003 00000003 68690a 00000003 01000000 80030007 00000008 00000005 00000000"
    )


def test_either_side_may_close_its_half_first() -> None:  # K-85
    peer, connection = SpdyPeer(), SpdyConnection()
    (one,) = opened(peer, connection, "data")
    assert connection.receive(peer.data(one, b"a", fin=True)) == [StreamData(one, b"a", fin=True)]
    assert connection.receive(peer.data(one, b"late")) == []
    connection.send_data(one, b"b")
    connection.send_data(one, b"", fin=True)
    connection.send_data(one, b"late")
    assert peer.receive(sent(connection)) == [Said("data", one, b"b"), Said("fin", one)]
    assert not connection.is_open(one)
    assert connection.receive(peer.reset(one)) == []


def test_a_stream_may_end_with_its_first_frame() -> None:  # K-88: error streams do
    peer, connection = SpdyPeer(), SpdyConnection()
    number, frame = peer.open(fin=True, port="80")
    assert connection.receive(frame) == [StreamOpened(number, {"port": "80"}, fin=True)]
    assert connection.is_open(number)


def test_nothing_is_said_on_a_stream_that_was_reset() -> None:  # K-83
    peer, connection = SpdyPeer(), SpdyConnection()
    one, other = opened(peer, connection, "a", "b")
    assert connection.receive(peer.reset(one)) == [StreamReset(one, 5)]
    connection.send_data(one, b"x", fin=True)
    connection.reset(other, ResetStatus.CANCEL)
    connection.send_data(other, b"x")
    assert connection.receive(peer.data(one, b"late") + peer.data(other, b"late")) == []
    assert peer.receive(sent(connection)) == [Said("reset", other, b"5")]


@pytest.mark.parametrize(
    "number", [pytest.param(2, id="even"), pytest.param(1, id="used"), pytest.param(3, id="lower")]
)
def test_a_wrong_number_is_refused_and_its_headers_are_read(number: int) -> None:  # K-81, K-83
    peer, connection = SpdyPeer(), SpdyConnection()
    connection.receive(peer.open(streamtype="error", stream_id=5)[1])
    sent(connection)
    assert connection.receive(peer.open(streamtype="more", stream_id=number)[1]) == []
    assert connection.receive(peer.open(streamtype="data")[1]) == [
        StreamOpened(7, {"streamtype": "data"})
    ]
    refusal = control_frame(FrameType.RST_STREAM, struct.pack(">II", number, 1))
    assert sent(connection).startswith(refusal)


def test_a_number_that_is_open_twice_is_the_end_of_that_stream() -> None:
    peer, connection = SpdyPeer(), SpdyConnection()
    (one,) = opened(peer, connection, "data")
    assert connection.receive(peer.open(stream_id=one, a="b")[1]) == [StreamReset(one, 1)]


def test_pings() -> None:
    peer, connection = SpdyPeer(), SpdyConnection()
    connection.receive(peer.ping(1) + peer.ping(2) + peer.ping(7))
    assert peer.receive(sent(connection)) == [Said("ping", 1), Said("ping", 7)]
    connection.ping()
    assert peer.receive(sent(connection)) == [Said("ping", 2)]


def test_frames_that_mean_nothing_here_are_passed_over() -> None:  # K-84
    peer, connection = SpdyPeer(), SpdyConnection()
    for kind in (FrameType.SETTINGS, FrameType.WINDOW_UPDATE, 10, 99):
        frame = bytearray(control_frame(FrameType.SETTINGS, b"12345678"))
        frame[3] = kind
        assert connection.receive(bytes(frame)) == []
    assert connection.receive(peer.data(9, b"to nobody", fin=True)) == []
    assert connection.receive(peer.go_away()) == [GoingAway()]
    assert sent(connection) == b""


def test_headers_of_other_frames_keep_the_compression_in_step() -> None:  # K-81
    peer, connection = SpdyPeer(), SpdyConnection()
    (one,) = opened(peer, connection, "data")
    block = peer._deflate.compress({"x": "y"})
    connection.receive(control_frame(FrameType.HEADERS, struct.pack(">I", one) + block))
    opened(peer, connection, "after")


def test_data_goes_out_in_small_frames_and_comes_in_as_it_arrives() -> None:  # K-85
    peer, connection = SpdyPeer(), SpdyConnection()
    (one,) = opened(peer, connection, "data")
    connection.send_data(one, bytes(70_000), fin=True)
    lengths = [len(piece) for piece in connection.take_output()]
    assert lengths == [8, 32768, 8, 32768, 8, 70_000 - 65536]
    head = data_header(one, 0xFFFFFF, fin=True)
    assert connection.receive(head) == []
    assert connection.receive(b"a" * 100) == [StreamData(one, b"a" * 100)]
    assert connection._frames.held_bytes == 0


def test_a_peer_that_opens_without_end_is_refused() -> None:
    peer, connection = SpdyPeer(), SpdyConnection()
    for _ in range(4096):
        connection.receive(peer.open()[1])
    assert connection.receive(peer.open()[1]) == []
    assert peer.receive(sent(connection))[-1] == Said("reset", 2 * 4096 + 1, b"3")


def a_syn(block: bytes) -> bytes:
    return control_frame(FrameType.SYN_STREAM, struct.pack(">IIBB", 1, 0, 0, 0) + block)


def deflated(plain: bytes) -> bytes:
    zipped = zlib.compressobj(9, zlib.DEFLATED, 15, 8, zlib.Z_DEFAULT_STRATEGY, SPDY_DICTIONARY)
    return zipped.compress(plain) + zipped.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n" * 3, "", id="HTTP is data for no stream"),
        pytest.param(b"\x80\x02\0\1\0\0\0\0", "version 2", id="another version"),
        pytest.param(
            b"\x80\x03\0\1" + (MAX_CONTROL_BYTES + 1).to_bytes(4, "big"),
            "too long",
            id="a control frame that nobody needs",
        ),
        pytest.param(control_frame(FrameType.SYN_STREAM, b"123"), "cut short", id="short SYN"),
        pytest.param(control_frame(FrameType.RST_STREAM, b"123"), "cut short", id="short RST"),
        pytest.param(control_frame(FrameType.PING, b""), "cut short", id="empty PING"),
        pytest.param(a_syn(b"no zlib"), "damaged", id="not compressed"),
        pytest.param(a_syn(deflated(b"\0\0\0\1")), "cut short", id="fewer headers than said"),
        pytest.param(
            a_syn(deflated(b"\xff\xff\xff\xff")), "cut short", id="4 billion headers, says it"
        ),
        pytest.param(
            a_syn(deflated(b"\0\0\0\1\x7f\xff\xff\xff")), "cut short", id="a name of 2 GB, says it"
        ),
        pytest.param(
            a_syn(deflated(bytes(50_000_000))), "larger than", id="a block that inflates to 50 MB"
        ),
    ],
)
def test_what_is_not_spdy_ends_the_connection(raw: bytes, why: str) -> None:
    peer, connection = SpdyPeer(), SpdyConnection()
    if not why:
        assert connection.receive(raw) == []
        return
    with pytest.raises(SpdyError, match=why):
        connection.receive(raw)
    assert peer.receive(sent(connection)) == [Said("goaway", 1)]
    assert connection._frames.held_bytes <= MAX_CONTROL_BYTES


def test_nothing_is_read_behind_damage() -> None:
    connection = SpdyConnection()
    with pytest.raises(SpdyError):
        connection.receive(b"\x80\x02\0\1\0\0\0\0")
    with pytest.raises(SpdyError):
        connection.receive(SpdyPeer().ping(1))


def test_a_finished_compression_is_damage() -> None:
    zipped = zlib.compressobj(9, zlib.DEFLATED, 15, 8, zlib.Z_DEFAULT_STRATEGY, SPDY_DICTIONARY)
    with pytest.raises(HeaderError, match="ended"):
        HeaderDecompressor().decompress(zipped.compress(bytes(4)) + zipped.flush())


HEADERS = st.dictionaries(
    st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20),
    st.text(max_size=50),
    max_size=8,
)


@given(st.lists(HEADERS, min_size=1, max_size=6))
def test_headers_survive_the_wire(blocks: list[dict[str, str]]) -> None:
    deflate, inflate = HeaderCompressor(), HeaderDecompressor()
    for headers in blocks:
        block = deflate.compress(headers)
        assert block.endswith(b"\x00\x00\xff\xff")
        assert len(block) < MAX_BLOCK_BYTES
        assert inflate.decompress(block) == headers


def cut(raw: bytes, borders: Sequence[int]) -> list[bytes]:
    places = sorted({min(border, len(raw)) for border in borders} | {0, len(raw)})
    return [raw[a:b] for a, b in itertools.pairwise(places)]


def joined(events: list[SpdyEvent]) -> tuple[list[SpdyEvent], dict[int, bytes]]:
    """What does not depend on how the bytes were cut."""
    data: dict[int, bytes] = {}
    for event in events:
        if isinstance(event, StreamData):
            data[event.stream_id] = data.get(event.stream_id, b"") + event.data
    return [e for e in events if not isinstance(e, StreamData) or e.fin], data


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), HEADERS),
        st.tuples(st.just("data"), st.tuples(st.integers(0, 5), st.binary(max_size=300))),
        st.tuples(st.just("reset"), st.integers(0, 5)),
        st.tuples(st.just("ping"), st.integers(0, 2**32 - 1)),
    ),
    max_size=20,
)


def conversation(steps: list[tuple[str, object]]) -> bytes:
    peer, raw = SpdyPeer(), b""
    for what, argument in steps:
        match what, argument:
            case "open", dict(headers):
                raw += peer.open(headers)[1]
            case "data", (int(number), bytes(data)):
                raw += peer.data(2 * number + 1, data, fin=len(data) % 5 == 0)
            case "reset", int(number):
                raw += peer.reset(2 * number + 1)
            case "ping", int(number):
                raw += peer.ping(number)
    return raw


@given(STEPS, st.lists(st.integers(0, 2000), max_size=30))
def test_it_does_not_matter_where_bytes_are_cut(
    steps: list[tuple[str, object]], borders: list[int]
) -> None:
    raw = conversation(steps)
    whole, pieces = SpdyConnection(), SpdyConnection()
    expected = whole.receive(raw)
    events = [event for piece in cut(raw, borders) for event in pieces.receive(piece)]
    plain, data = joined(events)
    plain_expected, data_expected = joined(expected)
    assert [type(event) for event in plain] == [type(event) for event in plain_expected]
    assert data == data_expected
    assert sent(pieces) == sent(whole)


@given(
    STEPS,
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=10),
    st.lists(st.integers(0, 2000), max_size=10),
)
def test_mangled_bytes_end_cleanly(
    steps: list[tuple[str, object]], damage: list[tuple[int, int]], borders: list[int]
) -> None:
    raw = bytearray(conversation([("open", {"streamtype": "data"}), *steps]))
    for place, value in damage:
        raw[place % len(raw)] = value
    connection = SpdyConnection()
    for piece in cut(bytes(raw), borders):
        try:
            events = connection.receive(piece)
        except SpdyError:
            break
        assert sum(len(e.data) for e in events if isinstance(e, StreamData)) <= len(raw)
        assert connection._frames.held_bytes <= len(raw)
    # Whatever was sent is still SPDY.
    SpdyPeer().receive(sent(connection))
