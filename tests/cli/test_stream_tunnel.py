"""A forwarded connection in bytes: the server's own SPDY as the peer."""

from __future__ import annotations

import pytest

from minikubelet.apiserver.wire.spdy import (
    ResetStatus,
    SpdyConnection,
    StreamData,
    StreamOpened,
)
from minikubelet.cli.stream_tunnel import Broken, FromPod, PodEnd, Tunnel


def opened() -> tuple[Tunnel, SpdyConnection]:
    tunnel, server = Tunnel(8080), SpdyConnection()
    server.receive(tunnel.opening)
    return tunnel, server


def said(server: SpdyConnection) -> bytes:
    return b"".join(server.take_output())


def test_it_opens_the_two_streams() -> None:  # K-88
    tunnel = Tunnel(8080)
    headers = {"port": "8080", "requestid": "0"}
    assert SpdyConnection().receive(tunnel.opening) == [
        StreamOpened(1, {"streamtype": "error", **headers}),
        StreamData(1, b"", fin=True),
        StreamOpened(3, {"streamtype": "data", **headers}),
    ]


def test_both_directions_end_alone() -> None:  # K-89
    tunnel, server = opened()
    assert server.receive(tunnel.data(b"ask") + tunnel.end()) == [
        StreamData(3, b"ask"),
        StreamData(3, b"", fin=True),
    ]
    server.send_data(3, b"answer")
    assert tunnel.receive(said(server)) == [FromPod(b"answer")]
    server.send_data(3, b"", fin=True)
    server.send_data(1, b"", fin=True)
    assert tunnel.receive(said(server)) == [PodEnd()]
    server.go_away()
    assert tunnel.receive(said(server)) == []


def test_messages_are_cut_anywhere() -> None:  # K-91: borders mean nothing
    tunnel, server = opened()
    server.send_data(3, b"answer", fin=True)
    events = [event for byte in said(server) for event in tunnel.receive(bytes((byte,)))]
    assert [event for event in events if isinstance(event, PodEnd)] == [PodEnd()]
    assert b"".join(event.data for event in events if isinstance(event, FromPod)) == b"answer"


def test_a_refusal_has_the_servers_words() -> None:  # K-90
    tunnel, server = opened()
    server.send_data(1, b"error forwarding port 8080: ")
    server.send_data(1, b"refused", fin=True)
    server.send_data(3, b"", fin=True)
    assert tunnel.receive(said(server))[0] == Broken("error forwarding port 8080: refused")


@pytest.mark.parametrize("how", ["reset", "goaway", "noise"])
def test_it_breaks(how: str) -> None:
    tunnel, server = opened()
    said(server)
    if how == "reset":
        server.reset(3, ResetStatus.CANCEL)
    elif how == "goaway":
        server.go_away()
    data = b"\x80\x02" + bytes(14) if how == "noise" else said(server)
    (event,) = tunnel.receive(data)
    assert isinstance(event, Broken)
