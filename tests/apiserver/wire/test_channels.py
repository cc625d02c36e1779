"""Channels in WebSocket messages: every protocol, both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.apiserver.wire.channels import (
    CHANNEL_PROTOCOLS,
    UNNAMED,
    V1,
    V4,
    V5,
    Channel,
    ChannelProtocol,
    choose_channel_protocol,
)

B64 = CHANNEL_PROTOCOLS["v4.base64.channel.k8s.io"]
ALL = [*CHANNEL_PROTOCOLS.values(), UNNAMED]


@pytest.mark.parametrize(
    ("protocol", "message", "channel", "data"),
    [
        (V5, b"\x00ls\n", Channel.STDIN, b"ls\n"),
        (V5, b"\x01", Channel.STDOUT, b""),
        (V5, b"\xff\x00", Channel.CLOSE, b"\x00"),  # K-68
        (V4, b'\x04{"Width":80,"Height":24}', Channel.RESIZE, b'{"Width":80,"Height":24}'),
        (V4, "\x00text", Channel.STDIN, b"text"),
        (B64, "0bHMK", Channel.STDIN, b"ls\n"),
        (B64, b"1aGk=", Channel.STDOUT, b"hi"),
        (B64, "2", Channel.STDERR, b""),
    ],
)
def test_reading(
    protocol: ChannelProtocol, message: bytes | str, channel: int, data: bytes
) -> None:  # K-67
    assert protocol.decode(message) == (channel, data)


@pytest.mark.parametrize(
    ("protocol", "message"),
    [(V5, b"\x03status"), (V1, b"\x03status"), (UNNAMED, b"\x03status"), (B64, "3c3RhdHVz")],
)
def test_writing(protocol: ChannelProtocol, message: bytes | str) -> None:
    assert protocol.encode(Channel.ERROR, b"status") == message


@pytest.mark.parametrize("protocol", ALL)
def test_an_empty_message_means_nothing(protocol: ChannelProtocol) -> None:
    assert protocol.decode(b"") is None
    assert protocol.decode("") is None


@pytest.mark.parametrize("message", ["xaGk=", "0a", "0!!!!", "٣aGk=", b"\x00\xff\xfe"])
def test_what_is_not_base64_is_refused(message: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"base64|channel"):
        B64.decode(message)


@given(st.sampled_from(ALL), st.integers(0, 4), st.binary(max_size=200))
def test_what_is_written_can_be_read(protocol: ChannelProtocol, channel: int, data: bytes) -> None:
    assert protocol.decode(protocol.encode(channel, data)) == (channel, data)


@given(st.sampled_from(ALL), st.one_of(st.binary(max_size=50), st.text(max_size=50)))
def test_any_message_is_read_or_refused(protocol: ChannelProtocol, message: bytes | str) -> None:
    try:
        read = protocol.decode(message)
    except ValueError:
        assert protocol.is_base64
    else:
        assert read is None or len(read[1]) < max(1, len(message) * 4)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["v5.channel.k8s.io"], "v5.channel.k8s.io"),  # kubectl
        (["v5.channel.k8s.io", "v4.channel.k8s.io"], "v5.channel.k8s.io"),  # kubernetes
        (["v4.channel.k8s.io", "v5.channel.k8s.io"], "v4.channel.k8s.io"),
        (["v9.channel.k8s.io", "v4.base64.channel.k8s.io"], "v4.base64.channel.k8s.io"),
        (["channel.k8s.io"], "channel.k8s.io"),
        ([], ""),
        (["v9.channel.k8s.io"], None),
        (["portforward.k8s.io"], None),
    ],
)
def test_the_first_known_offer_is_taken(offered: list[str], chosen: str | None) -> None:
    protocol = choose_channel_protocol(offered)
    assert (protocol.name if protocol else None) == chosen


def test_what_the_protocols_can() -> None:  # K-68, K-74
    assert [p.name for p in ALL if p.half_close] == ["v5.channel.k8s.io"]
    assert [p.name for p in ALL if not p.status_json] == [
        "channel.k8s.io",
        "base64.channel.k8s.io",
        "",
    ]
