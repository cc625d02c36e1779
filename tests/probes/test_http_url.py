"""URLs of probes and redirects (P-311, P-312, P-321)."""

from __future__ import annotations

import pytest

from minikubelet.probes.http_url import (
    URL,
    Reference,
    URLError,
    parse_reference,
    probe_url,
    resolve_reference,
)


@pytest.mark.parametrize(
    ("path", "text", "target"),
    [
        pytest.param("/healthz", "http://h:80/healthz", "/healthz", id="a path"),
        pytest.param("healthz", "http://h:80/healthz", "/healthz", id="P-312: the slash is added"),
        pytest.param("", "http://h:80", "/", id="no path"),
        pytest.param("/a?b=c&d", "http://h:80/a?b=c&d", "/a?b=c&d", id="P-312: a query is kept"),
        pytest.param("?b", "http://h:80?b", "/?b", id="a query alone"),
        pytest.param("/a?", "http://h:80/a?", "/a?", id="an empty query"),
        pytest.param("/a#b", "http://h:80/a#b", "/a", id="P-312: a fragment is not sent"),
        pytest.param("/a b", "http://h:80/a%20b", "/a%20b", id="a space is escaped"),
        pytest.param("/ä", "http://h:80/%C3%A4", "/%C3%A4", id="so are letters beyond ASCII"),
        pytest.param("/a%20b", "http://h:80/a%20b", "/a%20b", id="an escape stays"),
        pytest.param("/(a)!*'", "http://h:80/(a)!*'", "/(a)!*'", id="so do marks"),
        pytest.param("/a%2Fb", "http://h:80/a%2Fb", "/a%2Fb", id="and an escaped slash"),
        pytest.param(
            "/a%zz?b", "http://h:80/a%25zz%3Fb", "/a%25zz%3Fb", id="P-312: a bad escape: literal"
        ),
        pytest.param(
            "/a\nX: y", "http://h:80/a%0AX:%20y", "/a%0AX:%20y", id="a line break: literal"
        ),
        pytest.param("a:b/c", "http://h:80/a:b/c", "/a:b/c", id="a scheme of its own: literal"),
        pytest.param("//x/y", "http://h:80/y", "/y", id="the host of a reference does not count"),
    ],
)  # fmt: skip
def test_path_of_a_probe(path: str, text: str, target: str) -> None:
    url = probe_url("", "h", 80, path)
    assert (str(url), url.target) == (text, target)


@pytest.mark.parametrize(
    ("scheme", "host", "text"),
    [
        pytest.param("HTTPS", "127.0.0.1", "https://127.0.0.1:8443/", id="scheme in lower case"),
        pytest.param("", "127.0.0.1", "http://127.0.0.1:8443/", id="P-311: http by default"),
        pytest.param("HTTP", "::1", "http://[::1]:8443/", id="P-311: IPv6 in brackets"),
    ],
)
def test_scheme_and_host(scheme: str, host: str, text: str) -> None:
    assert str(probe_url(scheme, host, 8443, "/")) == text


@pytest.mark.parametrize(
    ("location", "text"),
    [
        pytest.param("/b", "http://h:80/b", id="an absolute path"),
        pytest.param("b", "http://h:80/a/b", id="a relative path"),
        pytest.param("../b", "http://h:80/b", id="one level up"),
        pytest.param("../../../b", "http://h:80/b", id="not beyond the root"),
        pytest.param("./", "http://h:80/a/", id="the same directory"),
        pytest.param("..", "http://h:80/", id="the directory above"),
        pytest.param("?z=1", "http://h:80/a/x?z=1", id="another query"),
        pytest.param("#f", "http://h:80/a/x?q=1#f", id="another fragment"),
        pytest.param("http://h:81/c", "http://h:81/c", id="another port"),
        pytest.param("https://h/c", "https://h/c", id="another scheme"),
        pytest.param("//g:1/c", "http://g:1/c", id="another host, the same scheme"),
        pytest.param("HTTP://me:pw@[::1]:9/c", "http://[::1]:9/c", id="everything at once"),
        pytest.param("http://h", "http://h", id="no path"),
    ],
)
def test_resolves_a_location(location: str, text: str) -> None:
    base = URL("http", "h", "80", "/a/x", "q=1")
    assert str(resolve_reference(base, parse_reference(location))) == text


def test_a_redirect_without_port_goes_to_the_port_of_its_scheme() -> None:
    assert [URL(scheme, "h", "").port_number for scheme in ("http", "https")] == [80, 443]


def test_parses_a_reference() -> None:
    assert parse_reference("http://h:1/p%20q?r#s") == Reference(
        "http", "h:1", "/p%20q", "r", "s"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("/%4", 'invalid URL escape "%4"', id="half an escape"),
        pytest.param("/%g1", 'invalid URL escape "%g1"', id="a wrong digit"),
        pytest.param("/#%x", 'invalid URL escape "%x"', id="in the fragment"),
        pytest.param("/\x7f", "net/url: invalid control character in URL", id="a control"),
        pytest.param(":x", "missing protocol scheme", id="no scheme"),
        pytest.param(
            "1x:y", "first path segment in URL cannot contain colon", id="a colon too early"
        ),
    ],
)
def test_refuses(text: str, why: str) -> None:
    with pytest.raises(URLError) as caught:
        parse_reference(text)
    assert str(caught.value) == why


def test_refuses_a_port_that_is_no_number() -> None:
    with pytest.raises(URLError) as caught:
        resolve_reference(URL("http", "h", "80"), parse_reference("http://h:x/"))
    assert str(caught.value) == 'invalid port ":x" after host'
