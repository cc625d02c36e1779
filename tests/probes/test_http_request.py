"""What is sent, and where redirects lead (P-310 … P-324, TV-34 … TV-38)."""

from __future__ import annotations

import pytest

from minikubelet.manifest.pod import HTTPGetAction, HTTPHeader
from minikubelet.probes.http_request import (
    HTTPRequest,
    InvalidRequestError,
    RedirectError,
    http_request,
    redirected,
    request_bytes,
)

HOST, AGENT, CLOSE = "Host: 10.0.0.1:80", "User-Agent: kube-probe/1.36", "Connection: close"


def a_request(*headers: tuple[str, str], path: str = "/", host: str = "") -> HTTPRequest:
    action = HTTPGetAction(80, path, host, http_headers=tuple(HTTPHeader(*h) for h in headers))
    return http_request(action, 80, "10.0.0.1", "kube-probe/1.36")


def lines(request: HTTPRequest) -> list[str]:
    text = request_bytes(request).decode()
    assert text.endswith("\r\n\r\n")
    return text.removesuffix("\r\n\r\n").split("\r\n")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], [HOST, AGENT, "Accept: */*", CLOSE], id="TV-34: the default headers"),
        pytest.param(
            [("User-Agent", "")], [HOST, "Accept: */*", CLOSE], id="TV-35: User-Agent taken away"
        ),
        pytest.param([("Accept", "")], [HOST, AGENT, CLOSE], id="TV-35: Accept taken away"),
        pytest.param(
            [("user-agent", "foo/1.0"), ("accept", "text/html")],
            [HOST, "User-Agent: foo/1.0", "Accept: text/html", CLOSE],
            id="P-314, P-315: both given",
        ),
        pytest.param(
            [("x-b", "1"), ("X-a", "2"), ("x-B", "3")],
            [HOST, AGENT, "Accept: */*", "X-A: 2", "X-B: 1", "X-B: 3", CLOSE],
            id="P-313: canonical names, by name, repeated",
        ),
        pytest.param(
            [("Host", "example.com"), ("host", "other")],
            ["Host: example.com", AGENT, "Accept: */*", CLOSE],
            id="TV-36: the first Host counts",
        ),
        pytest.param(
            [("Content-Length", "7"), ("Transfer-Encoding", "chunked"), ("Trailer", "X")],
            [HOST, AGENT, "Accept: */*", CLOSE],
            id="P-310: nothing that announces a body",
        ),
        pytest.param(
            [("Connection", "Close")],
            [HOST, AGENT, "Accept: */*", "Connection: Close"],
            id="P-318: Connection: close is not said twice",
        ),
        pytest.param(
            [("Connection", "keep-alive")],
            [HOST, AGENT, "Accept: */*", "Connection: keep-alive", CLOSE],
            id="P-318: and overrides what is given",
        ),
        pytest.param(
            [("Connection", "Upgrade"), ("Upgrade", "websocket")],
            [HOST, AGENT, "Accept: */*", "Connection: Upgrade", "Upgrade: websocket"],
            id="P-318: but for an upgrade",
        ),
        pytest.param(
            [("X-Space", "  a b ")],
            [HOST, AGENT, "Accept: */*", "X-Space: a b", CLOSE],
            id="values are trimmed",
        ),
        pytest.param(
            [("Accept-Encoding", "gzip")],
            [HOST, AGENT, "Accept: */*", "Accept-Encoding: gzip", CLOSE],
            id="P-317: Accept-Encoding only if given",
        ),
    ],
)
def test_headers(headers: list[tuple[str, str]], expected: list[str]) -> None:
    assert lines(a_request(*headers)) == ["GET / HTTP/1.1", *expected]


@pytest.mark.parametrize(
    ("host", "line"),
    [
        pytest.param("", "Host: 10.0.0.1:80", id="P-311: the pod's address"),
        pytest.param("db", "Host: db:80", id="P-311: a name"),
        pytest.param("::1", "Host: [::1]:80", id="P-311: IPv6"),
        pytest.param("fe80::1%eth0", "Host: [fe80::1]:80", id="without the zone"),
    ],
)
def test_host_line(host: str, line: str) -> None:
    assert lines(a_request(host=host, path="/x?y"))[:2] == ["GET /x?y HTTP/1.1", line]


@pytest.mark.parametrize(
    ("header", "text"),
    [
        pytest.param(
            ("X", "a\r\nY: b"), 'net/http: invalid header field value for "X"', id="a second line"
        ),
        pytest.param(("X Y", "a"), 'net/http: invalid header field name "X Y"', id="a bad name"),
        pytest.param(("Host", "a b"), "http: invalid Host header", id="a bad host"),
    ],
)
def test_refuses(header: tuple[str, str], text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        request_bytes(a_request(header))
    assert str(caught.value) == text


# --- redirects -------------------------------------------------------------------------------


def follow(status: int, location: str, *headers: tuple[str, str], made: int = 1) -> list[str]:
    """The lines of the next request, none if there is no next one."""
    request = a_request(*headers, path="/a")
    following = redirected(request, request, status, location, made)
    return [] if following is None else [str(following.url), *lines(following)[1:]]


@pytest.mark.parametrize(
    ("status", "location", "url"),
    [
        *(
            pytest.param(status, "/b", "http://10.0.0.1:80/b", id=f"TV-37: {status} is followed")
            for status in (301, 302, 303, 307, 308)
        ),
        pytest.param(302, "http://10.0.0.1:81/", "http://10.0.0.1:81/", id="TV-38: another port"),
        pytest.param(302, "https://10.0.0.1/", "https://10.0.0.1/", id="P-321: to https"),
        pytest.param(300, "/b", None, id="P-324: 300 is not"),
        pytest.param(304, "/b", None, id="P-324: 304 is not"),
        pytest.param(308, "", None, id="TV-37: nor 308 without Location"),
        pytest.param(302, "http://other/", None, id="TV-38: another hostname is not followed"),
        pytest.param(302, "mailto:x", None, id="P-322: nor something without a host"),
    ],
)
def test_follows(status: int, location: str, url: str | None) -> None:
    assert follow(status, location)[:1] == ([] if url is None else [url])


@pytest.mark.parametrize(
    ("location", "host"),
    [
        pytest.param("/b", "Host: example.com", id="TV-36: kept on a relative redirect"),
        pytest.param("//10.0.0.1:80/b", "Host: example.com", id="P-321: without a scheme, too"),
        pytest.param("http://10.0.0.1:80/b", HOST, id="P-321: dropped on an absolute one"),
    ],
)
def test_custom_host_after_a_redirect(location: str, host: str) -> None:
    assert follow(302, location, ("Host", "example.com"))[1] == host


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], "Referer: http://10.0.0.1:80/a", id="where it came from"),
        pytest.param([("Referer", "mine")], "Referer: mine", id="unless it is given"),
    ],
)
def test_the_next_request_names_the_last_one(headers: list[tuple[str, str]], expected: str) -> None:
    assert follow(302, "/b", ("X-Mine", "1"), *headers)[1:] == [
        HOST, AGENT, "Accept: */*", expected, "X-Mine: 1", CLOSE,
    ]  # fmt: skip


def test_no_referer_from_https_to_http() -> None:
    action = HTTPGetAction(443, "/", scheme="HTTPS")
    request = http_request(action, 443, "10.0.0.1", "x")
    following = redirected(request, request, 302, "http://10.0.0.1/", 1)
    assert following is not None
    assert following.header("Referer") is None


@pytest.mark.parametrize(
    ("location", "made", "url", "text"),
    [
        pytest.param("/b", 10, "/b", "stopped after 10 redirects", id="P-323: the eleventh"),
        pytest.param(
            "/%zz", 1, "http://10.0.0.1:80/a",
            'failed to parse Location header "/%zz": parse "/%zz": invalid URL escape "%zz"',
            id="a broken Location",
        ),
        pytest.param(
            "ftp://10.0.0.1/", 1, "ftp://10.0.0.1/", 'unsupported protocol scheme "ftp"',
            id="another protocol",
        ),
    ],
)  # fmt: skip
def test_fails(location: str, made: int, url: str, text: str) -> None:
    with pytest.raises(RedirectError) as caught:
        follow(302, location, made=made)
    assert (caught.value.url, str(caught.value)) == (url, text)


def test_ten_requests_may_be_made() -> None:  # P-323
    assert follow(302, "/b", made=9)[0] == "http://10.0.0.1:80/b"
