"""HTTP as commands speak it: every form of an answer, and what is none."""

from __future__ import annotations

import socket

import pytest

from minikubelet.cli.http_wire import Connection, Response, WireError

HEAD = b"HTTP/1.1 200 OK\r\n"


def answered(data: bytes) -> Response:
    """What a client makes of these bytes."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        connection = Connection(ours, "host:1")
        try:
            response = connection.request("GET", "/x", {}, None)
            response.body = iter([response.read()])
            return response
        finally:
            connection.close()


@pytest.mark.parametrize(
    ("data", "body"),
    [
        pytest.param(HEAD + b"Content-Length: 3\r\n\r\nabcd", b"abc", id="a length"),
        pytest.param(
            HEAD
            + b"transfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n",
            b"abcde",
            id="chunks with an extension and a trailer",
        ),
        pytest.param(HEAD + b"\r\nto the end", b"to the end", id="until it is closed"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\nx", b"", id="no body"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 0\r\n\r\n",
            b"",
            id="an interim answer before",
        ),
        pytest.param(
            HEAD.replace(b"\r", b"") + b"Content-Length: 1\n\na", b"a", id="bare newlines"
        ),
    ],
)
def test_bodies(data: bytes, body: bytes) -> None:
    assert answered(data).read() == body


def test_repeated_headers_are_kept() -> None:
    response = answered(HEAD + b"Warning: a\r\nwarning: b\r\nContent-Length: 0\r\n\r\n")
    assert (response.status, response.all("warning")) == (200, ["a", "b"])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", "closed the connection", id="nothing"),
        pytest.param(b"SSH-2.0-x\r\n", "does not speak HTTP", id="another protocol"),
        pytest.param(HEAD + b"nonsense\r\n\r\n", "header", id="a header without a colon"),
        pytest.param(HEAD + b"a: b\r\n" * 300 + b"\r\n", "header", id="too many headers"),
        pytest.param(HEAD + b"a" * 70000, "too long", id="a line without end"),
        pytest.param(HEAD + b"Content-Length: 9\r\n\r\nabc", "within an answer", id="cut short"),
        pytest.param(HEAD + b"Content-Length: x\r\n\r\n", "no number", id="a bad length"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "size", id="a bad chunk"),
    ],
)
def test_what_is_no_answer(data: bytes, why: str) -> None:
    with pytest.raises(WireError, match=why):
        answered(data)


def test_a_request_as_it_is_sent() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        connection = Connection(ours, "host:1")
        connection.request("PATCH", "/x?a=b", {"Accept": "y"}, b"{}")
        connection.close()
        assert theirs.recv(1000) == (
            b"PATCH /x?a=b HTTP/1.1\r\nHost: host:1\r\nAccept: y\r\nContent-Length: 2\r\n\r\n{}"
        )
