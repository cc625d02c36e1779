"""The preset dictionary that SPDY compresses headers with (K-82).

Role: a constant, put together from its words. Pure.
Upstream: SPDY draft 3, section 2.6.10.1; its checksums are in the tests.
"""

from __future__ import annotations

_ENTRIES = (
    *"options head post put delete trace accept accept-charset accept-encoding".split(),
    *"accept-language accept-ranges age allow authorization cache-control connection".split(),
    *"content-base content-encoding content-language content-length content-location".split(),
    *"content-md5 content-range content-type date etag expect expires from host if-match".split(),
    *"if-modified-since if-none-match if-range if-unmodified-since last-modified".split(),
    *"location max-forwards pragma proxy-authenticate proxy-authorization range".split(),
    *"referer retry-after server te trailer transfer-encoding upgrade user-agent vary".split(),
    *"via warning www-authenticate method get status".split(),
    "200 OK",
    *"version HTTP/1.1 url public set-cookie keep-alive origin".split(),
)
"""Each with its length in front."""

_TAIL = (
    *"100 101 201 202 205 206 300 302 303 304 305 306 307 402 405 406 407 408 409 410".split(),
    *"411 412 413 414 415 416 417 502 504 505".split(),
    "203 Non-Authoritative Information",
    "204 No Content",
    "301 Moved Permanently",
    "400 Bad Request",
    "401 Unauthorized",
    "403 Forbidden",
    "404 Not Found",
    "500 Internal Server Error",
    "501 Not Implemented",
    "503 Service Unavailable",
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, ",
    "Sun, GMT",
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,",
    "text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8",
    "charset=iso-8859-1,utf-,*,enq=0.",
)
"""One after the other."""

SPDY_DICTIONARY = (
    b"".join(len(entry).to_bytes(4, "big") + entry.encode() for entry in _ENTRIES)
    + "".join(_TAIL).encode()
)
