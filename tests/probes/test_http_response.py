"""The parser of answers (P-325 … P-328), with the texts of Go's client."""

from __future__ import annotations

from itertools import pairwise

import pytest

from minikubelet.probes.http_response import (
    BODY_LIMIT,
    HEAD_LIMIT,
    BodyError,
    MalformedHeadError,
    ResponseParser,
    quote_bytes,
)
from tests.random_cases import Draw, any_case

OK = b"HTTP/1.1 200 OK\r\n"
BROKEN = "net/http: HTTP/1.x transport connection broken: "


def parsed(*pieces: bytes) -> ResponseParser:
    """The answer in these pieces, and then the end of the connection."""
    parser = ResponseParser()
    for piece in pieces:
        if not parser.finished:
            parser.feed(piece)
    parser.close()
    return parser


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        pytest.param(OK + b"Content-Length: 2\r\n\r\nok", 200, b"ok", id="a length"),
        pytest.param(OK + b"content-LENGTH:2\r\n\r\nok??", 200, b"ok", id="nothing beyond it"),
        pytest.param(OK + b"Content-Length: 0\r\n\r\n", 200, b"", id="no body"),
        pytest.param(b"HTTP/1.0 500 No\r\n\r\nuntil", 500, b"until", id="until the close"),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
            200, b"ab0123456789",
            id="chunks",
        ),
        pytest.param(
            OK + b"Transfer-Encoding: Chunked\r\nContent-Length: 9\r\n\r\n1\na\n0\nX: y\n\n",
            200, b"a",
            id="chunks beat a length, trailers are passed over",
        ),
        pytest.param(b"HTTP/1.1 204\r\nContent-Length: 5\r\n\r\n", 204, b"", id="204 has no body"),
        pytest.param(b"HTTP/1.1 304 Same\r\n\r\nxx", 304, b"", id="304 has no body"),
        pytest.param(b"HTTP/1.1 101 Switch\r\n\r\nxx", 101, b"", id="101 is final"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLocation: /x\r\n\r\n"
            + OK + b"Content-Length: 1\r\n\r\na",
            200, b"a",
            id="interim answers are passed over",
        ),
        pytest.param(b"HTTP/1.1 200\nContent-Length: 1\n\na", 200, b"a", id="line feeds alone"),
        pytest.param(
            OK + b"X: a\r\n b\r\nContent-Length:\r\n 1\r\n\r\nab", 200, b"a", id="folded lines"
        ),
        pytest.param(OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 200, b"a",
                     id="the same length twice"),
        pytest.param(b"HTTP/2.0 999 \r\n\r\n", 999, b"", id="any version and status"),
    ],
)  # fmt: skip
def test_reads(data: bytes, status: int, body: bytes) -> None:
    whole, bytewise = parsed(data), parsed(*(data[i : i + 1] for i in range(len(data))))
    expected = (status, body, "", False)
    for parser in (whole, bytewise):
        assert (parser.status, parser.body, parser.location, parser.truncated) == expected


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"", "EOF", id="P-327: closed without answer"),
        pytest.param(b"hello\r\n", f'{BROKEN}malformed HTTP response "hello"', id="no HTTP"),
        pytest.param(b"hello", f'{BROKEN}malformed HTTP response "hello"', id="not even a line"),
        pytest.param(
            b"\x15\x03\x01\x00\x02\x02\xff\n",
            f'{BROKEN}malformed HTTP response "\\x15\\x03\\x01\\x00\\x02\\x02\\xff"',
            id="a TLS server",
        ),
        pytest.param(
            b"HTTP/1.1 20 OK\r\n", f'{BROKEN}malformed HTTP status code "20"', id="a short status"
        ),
        pytest.param(
            b"HTTP/1.1 2x0 OK\r\n", f'{BROKEN}malformed HTTP status code "2x0"', id="a bad status"
        ),
        pytest.param(
            b"ICY 200 OK\r\n", f'{BROKEN}malformed HTTP version "ICY"', id="another protocol"
        ),
        pytest.param(
            OK + b"no colon\r\n", f"{BROKEN}malformed MIME header line: no colon", id="no header"
        ),
        pytest.param(
            OK + b" x: y\r\n",
            f"{BROKEN}malformed MIME header initial line:  x: y",
            id="a continuation of nothing",
        ),
        pytest.param(OK + b"A: b\r\n", f"{BROKEN}unexpected EOF", id="half a head"),
        pytest.param(
            OK + b"Content-Length: -1\r\n\r\n", f'{BROKEN}bad Content-Length "-1"', id="bad length"
        ),
        pytest.param(
            OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            f'{BROKEN}http: message cannot contain multiple Content-Length headers; got ["1" "2"]',
            id="two lengths",
        ),
        pytest.param(
            OK + b"Transfer-Encoding: gzip\r\n\r\n",
            f'{BROKEN}unsupported transfer encoding: "gzip"',
            id="another encoding",
        ),
    ],
)
def test_refuses_a_head(data: bytes, text: str) -> None:
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        with pytest.raises(MalformedHeadError) as caught:
            parsed(*pieces)
        assert str(caught.value) == text


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"X: y\r\n" * 10_000, id="of many lines"),
        pytest.param(b"x" * 60_000, id="of one line"),
    ],
)
def test_refuses_a_huge_head(piece: bytes) -> None:
    parser = ResponseParser()
    parser.feed(OK + b"X: ")
    for _ in range(HEAD_LIMIT // len(piece)):
        parser.feed(piece)
    with pytest.raises(MalformedHeadError) as caught:
        parser.feed(piece)
    limit = "net/http: server response headers exceeded 10485760 bytes; aborted"
    assert str(caught.value) == limit


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(OK + b"Content-Length: 3\r\n\r\nok", "unexpected EOF", id="a short body"),
        pytest.param(CHUNKED + b"5\r\nab", "unexpected EOF", id="a short chunk"),
        pytest.param(CHUNKED + b"1\r\na\r\n", "unexpected EOF", id="no last chunk"),
        pytest.param(CHUNKED + b"x\r\n", "invalid byte in chunk length", id="a bad size"),
        pytest.param(CHUNKED + b"\r\n", "invalid byte in chunk length", id="no size"),
        pytest.param(CHUNKED + b"0" * 17 + b"\r\n", "http chunk length too large", id="too large"),
        pytest.param(CHUNKED + b"1\r\nab\r\n", "malformed chunked encoding", id="a chunk too long"),
        pytest.param(CHUNKED + b"1" * 5000, "http: chunk line too long", id="an endless size"),
    ],
)  # fmt: skip
def test_refuses_a_body(data: bytes, text: str) -> None:  # P-328
    with pytest.raises(BodyError) as caught:
        parsed(data)
    assert str(caught.value) == text


def chunk(size: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, b"x" * size)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(OK + b"Content-Length: 10241\r\n\r\n" + b"x" * 10241, id="a length"),
        pytest.param(OK + b"\r\n" + b"x" * 99999, id="until the close"),
        pytest.param(CHUNKED + chunk(6000) + chunk(6000), id="chunks"),
        pytest.param(CHUNKED + chunk(1) * 10241, id="small chunks"),
        pytest.param(OK + b"Content-Length: 99999999\r\n\r\n" + b"x" * 10240, id="more to come"),
    ],
)
def test_cuts_a_long_body(data: bytes) -> None:  # P-325, TV-39
    parser = ResponseParser()
    parser.feed(data)
    found = (parser.finished, parser.truncated, parser.body)
    assert found == (True, True, b"x" * BODY_LIMIT)


def test_names_the_first_location() -> None:
    parser = parsed(b"HTTP/1.1 302 Found\r\nLocation:  /a \r\nlocation: /b\r\n\r\n")
    assert parser.location == "/a"


def test_a_redirect_is_known_before_its_body() -> None:
    parser = ResponseParser()
    parser.feed(b"HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 9\r\n\r\n")
    found = (parser.head_complete, parser.finished, parser.location)
    assert found == (True, False, "/a")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b'a"b\\\n', '"a\\"b\\\\\\n"', id="marks and control characters"),
        pytest.param("ä".encode(), '"ä"', id="UTF-8"),
        pytest.param(b"\xe4\x00\\xe4", '"\\xe4\\x00\\\\xe4"', id="anything else"),
    ],
)
def test_quotes_as_go_does(data: bytes, text: str) -> None:
    assert quote_bytes(data) == text


HEADERS = (
    b"Content-Length: 5",
    b"Transfer-Encoding: chunked",
    b"X: y",
    b" folded",
    b"Location: /l",
    b"z",
)
BODIES = (b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"2\nhe\n3;x\nllo\n0\nT: 1\n\n")
STARTS = (b"HTTP/1.1 200 OK", b"HTTP/1.1 100 Go", b"HTTP/1.0 302 Found", b"oops")


def account(*pieces: bytes) -> tuple[object, ...]:
    try:
        parser = parsed(*pieces)
    except (MalformedHeadError, BodyError) as error:
        return type(error), str(error)
    return parser.status, parser.location, parser.body, parser.truncated


def an_answer(draw: Draw) -> list[bytes]:
    headers = [draw.one_of(HEADERS) for _ in draw.times(4)]
    head = draw.one_of((b"\r\n", b"\n")).join([draw.one_of(STARTS), *headers, b"", b""])
    data = head + draw.one_of(BODIES)
    cuts = {draw.number(1, len(data) - 1) for _ in draw.times(12)}
    return [data[a:b] for a, b in pairwise([0, *sorted(cuts), len(data)])]


@any_case(an_answer, cases=10_000)
def test_pieces_do_not_matter(pieces: list[bytes]) -> None:
    assert account(*pieces) == account(b"".join(pieces))
