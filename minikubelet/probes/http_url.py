"""URLs of HTTP probes and of the redirects they meet, read and written as Go's net/url does (P-311,
P-312). Pure.

User information is read over: probes have none, and redirects are not given any.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote, unquote_to_bytes

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.go_numbers import parse_int64
from minikubelet.probes.addresses import join_host_port
from minikubelet.probes.ports import MAX_PORT
from minikubelet.value_class import dataclass

DEFAULT_PORTS = {"http": 80, "https": 443}

_REFERENCE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_AUTHORITY = re.compile(r"(?:.*@)?(?:\[(?P<ip>[^]]*)\]|(?P<name>[^:]*))(?::(?P<port>[0-9]*))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_VALID_PATH = re.compile(r"[A-Za-z0-9\-_.~$&+,/:;=@!'()*\[\]%]*", re.ASCII)
_KEPT = "$&+,/:;=@"
"""What Go leaves as it is in a path beside letters, digits and `-_.~`."""


class URLError(ValueError):
    """Text that is no URL; the message is Go's reason."""


@dataclass(frozen=True, slots=True)
class URL:
    scheme: str
    host: str
    """Without brackets."""
    port: str
    """Digits as written; empty when none was."""
    path: str = ""
    """Escaped, as it is sent."""
    query: str | None = None
    fragment: str = ""
    """Never sent, but part of the text (P-312)."""

    @property
    def authority(self) -> str:
        if self.port:
            return join_host_port(self.host, self.port)
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def port_number(self) -> int:
        """Raises URLError where there is no such port."""
        if not self.port:
            return DEFAULT_PORTS[self.scheme]
        number = parse_int64(self.port)
        if number is None or number > MAX_PORT:
            raise URLError(f"address {self.port}: invalid port")
        return number

    @property
    def target(self) -> str:
        """The request target: path and query."""
        path = self.path or "/"
        return path if self.query is None else f"{path}?{self.query}"

    def __str__(self) -> str:
        query = "" if self.query is None else f"?{self.query}"
        fragment = f"#{self.fragment}" if self.fragment else ""
        return f"{self.scheme}://{self.authority}{self.path}{query}{fragment}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A URL that may leave out its beginning; parts that are None were not there."""

    scheme: str | None
    authority: str | None
    path: str
    query: str | None
    fragment: str


def probe_url(scheme: str, host: str, port: int, path: str) -> URL:
    """The URL of an httpGet; `path` is a reference of which path, query and fragment count."""
    base = URL(scheme.lower() or "http", host, str(port))
    try:
        reference = parse_reference(path)
        if reference.scheme is not None:
            raise URLError("not a path")
    except URLError:
        return replace(base, path=_rooted(quote(path, safe=_KEPT)))
    return replace(
        base,
        path=_rooted(reference.path),
        query=reference.query,
        fragment=reference.fragment,
    )


def parse_reference(text: str) -> Reference:
    """Raises URLError."""
    if _CONTROL.search(text):
        raise URLError("net/url: invalid control character in URL")
    match = _REFERENCE.fullmatch(text)
    assert match is not None, "every text matches"
    path, fragment = match["path"], match["fragment"] or ""
    for part in (path, fragment):
        bad = _BAD_ESCAPE.search(part)
        if bad:
            raise URLError(f"invalid URL escape {go_quote(bad.group())}")
    if match["scheme"] is None and text.startswith(":"):
        raise URLError("missing protocol scheme")
    if match["scheme"] is None and match["authority"] is None and ":" in path.partition("/")[0]:
        raise URLError("first path segment in URL cannot contain colon")
    return Reference(match["scheme"], match["authority"], _escaped(path), match["query"], fragment)


def resolve_reference(base: URL, reference: Reference) -> URL:
    """What `reference` means when found at `base` (RFC 3986, section 5.2). Raises URLError.

    The scheme may be any, and the host empty.
    """
    query, fragment = reference.query, reference.fragment
    if reference.scheme is not None or reference.authority is not None:
        scheme = (reference.scheme or base.scheme).lower()
        host, port = _split_authority(reference.authority or "")
        return URL(scheme, host, port, _without_dots(reference.path), query, fragment)
    if not reference.path:
        return replace(base, query=base.query if query is None else query, fragment=fragment)
    path = reference.path
    if not path.startswith("/"):
        path = base.path[: base.path.rfind("/") + 1] + path
    return replace(base, path=_rooted(_without_dots(path)), query=query, fragment=fragment)


def _split_authority(authority: str) -> tuple[str, str]:
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        colon_port = authority[authority.rfind(":") :]
        raise URLError(f"invalid port {go_quote(colon_port)} after host")
    host = match["name"] if match["ip"] is None else match["ip"]
    return host, match["port"] or ""


def _escaped(path: str) -> str:
    if _VALID_PATH.fullmatch(path):
        return path
    return quote(unquote_to_bytes(path), safe=_KEPT)


def _rooted(path: str) -> str:
    return path if not path or path.startswith("/") else "/" + path


def _without_dots(path: str) -> str:
    """RFC 3986, section 5.2.4."""
    if "." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)
