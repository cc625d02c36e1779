"""What an HTTP probe sends, and where a redirect sends it next (P-310 … P-324). Pure.

Upstream: kubernetes pkg/probe/http/request.go and http.go (redirectChecker), and Go's net/http,
whose order of headers and error texts are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import HTTPGetAction
from minikubelet.probes.http_url import (
    URL,
    URLError,
    parse_reference,
    probe_url,
    resolve_reference,
)
from minikubelet.value_class import dataclass

PROBE_USER_AGENT = "kube-probe/1.36"
LIFECYCLE_USER_AGENT = "kube-lifecycle/1.36"
REDIRECT_LIMIT = 10

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_WRITTEN = frozenset({"Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer"})
"""Headers that are decided elsewhere, whatever the manifest says."""
_CACHE_SIZE = 4096
"""A worker asks for the same request over and over, and building it costs as much as sending it."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class InvalidRequestError(ValueError):
    """A request that cannot be sent; the text is Go's."""


class RedirectError(Exception):
    """A redirect that cannot be followed: `url` is the one to name, the text says why."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(why)
        self.url = url


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """One GET, prepared."""

    url: URL
    headers: tuple[tuple[str, str], ...]
    """Names in canonical form, in the order of the manifest; Host and User-Agent are among them."""
    host: str = ""
    """Replaces the URL's host in the Host header (P-316)."""

    def header(self, name: str) -> str | None:
        """The first value."""
        return next((value for key, value in self.headers if key == name), None)


@lru_cache(maxsize=_CACHE_SIZE)
def http_request(action: HTTPGetAction, port: int, pod_ip: str, user_agent: str) -> HTTPRequest:
    """The request that an httpGet handler describes, its port resolved."""
    given = [(canonical_name(h.name), h.value) for h in action.http_headers]
    names = {name for name, _ in given}
    if "User-Agent" not in names:
        given.append(("User-Agent", user_agent))
    if "Accept" not in names:
        given.append(("Accept", "*/*"))
    elif next(value for name, value in given if name == "Accept") == "":
        given = [header for header in given if header[0] != "Accept"]
    host = next((value for name, value in given if name == "Host"), "")
    url = probe_url(action.scheme, action.host or pod_ip, port, action.path)
    return HTTPRequest(url, tuple(given), host)


def canonical_name(name: str) -> str:
    """`x-my-header` → `X-My-Header`; a name that is no token stays as it is."""
    if not _TOKEN.fullmatch(name):
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


@lru_cache(maxsize=_CACHE_SIZE)
def request_bytes(request: HTTPRequest) -> bytes:
    """What is sent: Host and User-Agent first, the others by name, `Connection: close` last.

    Raises InvalidRequestError.
    """
    return "\r\n".join([*_request_lines(request), "", ""]).encode()


def _request_lines(request: HTTPRequest) -> Iterator[str]:
    for name, value in request.headers:
        if not _TOKEN.fullmatch(name):
            raise InvalidRequestError(f"net/http: invalid header field name {go_quote(name)}")
        if _BAD_VALUE.search(value):
            raise InvalidRequestError(f"net/http: invalid header field value for {go_quote(name)}")
    host = request.host or request.url.authority
    if re.search(r"[\s/\\?#@]", host):
        raise InvalidRequestError("http: invalid Host header")
    yield f"GET {request.url.target} HTTP/1.1"
    yield f"Host: {_without_zone(host)}"
    user_agent = (request.header("User-Agent") or "").strip()
    if user_agent:
        yield f"User-Agent: {user_agent}"
    for name, value in sorted(request.headers, key=lambda header: header[0]):
        if name not in _NOT_WRITTEN:
            yield f"{name}: {value.strip()}"
    if not _closes(request):
        yield "Connection: close"


def _closes(request: HTTPRequest) -> bool:
    """Whether the request's own Connection header says what keep-alive being off would say."""
    tokens = {
        token.strip().lower()
        for name, value in request.headers
        if name == "Connection"
        for token in value.split(",")
    }
    return "close" in tokens or ("upgrade" in tokens and bool(request.header("Upgrade")))


def _without_zone(host: str) -> str:
    return re.sub(r"%[^\]]*(?=\])", "", host) if host.startswith("[") else host


def redirected(
    origin: HTTPRequest, current: HTTPRequest, status: int, location: str, requests_made: int
) -> HTTPRequest | None:
    """The next request that an answer to `current` asks for; None if the answer stands.

    P-321 … P-324. Raises RedirectError.
    """
    if status not in REDIRECTS or not location:
        return None
    try:
        reference = parse_reference(location)
        url = resolve_reference(current.url, reference)
    except URLError as error:
        quoted = go_quote(location)
        why = f"failed to parse Location header {quoted}: parse {quoted}: {error}"
        raise RedirectError(str(current.url), why) from error
    if url.host != origin.url.host:
        return None
    if requests_made >= REDIRECT_LIMIT:
        raise RedirectError(location, f"stopped after {REDIRECT_LIMIT} redirects")
    if url.scheme not in ("http", "https"):
        raise RedirectError(str(url), f"unsupported protocol scheme {go_quote(url.scheme)}")
    host = current.host if reference.scheme is None else ""
    return HTTPRequest(url, _with_referer(origin, current.url, url), host)


def _with_referer(origin: HTTPRequest, source: URL, target: URL) -> tuple[tuple[str, str], ...]:
    if origin.header("Referer") or (source.scheme, target.scheme) == ("https", "http"):
        return origin.headers
    return (*origin.headers, ("Referer", str(source)))
