"""Hints for httpGet probes that reached a server. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import HTTPGetAction
from minikubelet.pod.durations import go_duration
from minikubelet.probes.attempt import Attempt, Examined, LookKind
from minikubelet.probes.first_bytes import is_http2, is_tls_alert
from minikubelet.probes.http_response import quote_bytes
from minikubelet.probes.looks import timed_out
from minikubelet.probes.trace import (
    BodyRead,
    Connected,
    FirstBytes,
    HeadRead,
    Redirected,
    RequestSent,
    Secured,
)

_WANTS_TLS = re.compile(r"\bHTTPS\b|\bTLS\b|\bSSL\b", re.IGNORECASE)
_NAMES_HOST = re.compile(
    r"(invalid|disallowed|unknown|blocked|bad|not allowed)[^\n]{0,40}\bhost|\bhost header"
    r"|\bHTTP_HOST\b|DisallowedHost|ALLOWED_HOSTS|host[^\n]{0,40}not allowed",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"log-?in|sign-?in|/auth|/sso|oauth", re.IGNORECASE)
_EXCERPT_BYTES = 24
_NO_TLS = "first record does not look like a TLS handshake"
_CLIENT_CERTIFICATE = (
    "client-certificate",
    "the server wants a client certificate, and probes have none: serve health on a port without "
    "that demand",
)


def http_hints(examined: Examined) -> Iterator[tuple[str, str]]:
    attempt = examined.attempt
    action = attempt.target.probe.http_get
    if action is None or attempt.last(Connected) is None:
        return
    head, redirect = attempt.last_connection.last(HeadRead), attempt.last(Redirected)
    if head is None:
        yield from _unanswered_hints(examined, action)
        return
    if attempt.succeeded and redirect is not None and _LOGIN.search(redirect.location):
        yield (
            "login",
            "the redirect leads to a login: the probe succeeds whatever the state of the app; give "
            "a path that needs no login",
        )
    elif head.status // 100 == 3:
        yield from _redirect_hints(attempt, head)
    elif head.status >= 400 and redirect is not None:
        yield _redirect_failed(redirect.location)
    elif head.status >= 400:
        yield from _status_hints(examined, action, head.status)
    yield from _body_hints(attempt)


def _unanswered_hints(examined: Examined, action: HTTPGetAction) -> Iterator[tuple[str, str]]:
    """There is no head of an answer."""
    attempt = examined.attempt
    redirect = attempt.last(Redirected)
    if redirect is not None:
        yield _redirect_failed(redirect.location)
        return
    other = _look_that_answered(examined, LookKind.SCHEME)
    first = attempt.last(FirstBytes)
    data = first.data if first is not None else b""
    if action.scheme == "HTTP" and (other or is_tls_alert(data)):
        yield "wants-https", "the server speaks TLS on this port: set scheme: HTTPS"
    elif action.scheme == "HTTPS" and attempt.last(Secured) is None and other:
        yield "wants-http", "the server speaks plain HTTP on this port: leave scheme out"
    elif attempt.result.output.endswith(_NO_TLS):
        yield (
            "no-tls",
            "the peer speaks neither TLS nor HTTP: is this the right port? For other protocols use "
            "tcpSocket or exec",
        )
    elif "tls: certificate required" in attempt.result.output:
        yield _CLIENT_CERTIFICATE
    elif is_http2(data):
        yield (
            "http2",
            "the server speaks HTTP/2 without TLS, which HTTP probes do not: if it is a gRPC "
            "server, use a grpc probe",
        )
    elif data and not data.startswith(b"HTTP/"):
        yield (
            "not-http",
            f"the peer begins with {quote_bytes(data[:_EXCERPT_BYTES])}, which is not HTTP: is "
            "this the right port? For other protocols use tcpSocket or exec",
        )
    elif not timed_out(attempt) and attempt.last(RequestSent) is not None:
        also = (
            "; over TLS it may want a client certificate, and probes have none"
            if attempt.last(Secured) is not None
            else ""
        )
        yield (
            "hung-up",
            f"the server took the request and hung up without an answer: look into its log{also}",
        )


def _look_that_answered(examined: Examined, kind: LookKind) -> bool:
    """Any status will do: the question was whether HTTP is spoken."""
    return any(o.kind is kind and o.attempt.last(HeadRead) is not None for o in examined.looks)


def _redirect_hints(attempt: Attempt, head: HeadRead) -> Iterator[tuple[str, str]]:
    redirect = attempt.last(Redirected)
    if attempt.result.output.endswith("redirects"):
        yield "redirect-loop", "the server redirects in circles: give the path that answers itself"
    elif redirect is None or head.status == 304:
        yield (
            "no-location",
            f"status {head.status} counts as a success, whatever the state of the app",
        )
    elif not redirect.followed:
        yield (
            "redirect-host",
            "a redirect to another host is not followed and counts as a success, whatever the "
            "state of the app: give a path that answers itself, or the Host header it wants",
        )


def _redirect_failed(location: str) -> tuple[str, str]:
    to_https = location.lower().startswith("https:")
    advice = "set scheme and port of that place" if to_https else "give the path that answers"
    return (
        "redirect-failed",
        f"the failure is that of the redirect to {location}, which is followed since its hostname "
        f"is the same: {advice}, or let the health path answer itself",
    )


def _status_hints(
    examined: Examined, action: HTTPGetAction, status: int
) -> Iterator[tuple[str, str]]:
    attempt = examined.attempt
    read = attempt.last(BodyRead)
    body = read.body.decode(errors="replace") if read is not None else ""
    host = examined.look(LookKind.HOST_HEADER)
    path = examined.look(LookKind.PATH)
    if host is not None:
        yield (
            "host-header",
            f"with the header Host: {host.value} the answer is good: the app refuses other names; "
            "set httpHeaders: [{name: Host, value: …}], or let it accept the Pod's IP",
        )
    elif status == 421 or (status in (400, 403, 404) and _NAMES_HOST.search(body)):
        yield (
            "host-header",
            "the app seems to refuse the Host header it got: set httpHeaders: [{name: Host, value: "
            "…}] to a name it accepts",
        )
    elif status == 400 and action.scheme == "HTTPS" and "certificate" in body:
        yield _CLIENT_CERTIFICATE
    elif status == 400 and action.scheme == "HTTP" and _WANTS_TLS.search(body):
        yield "wants-https", "the server speaks TLS on this port: set scheme: HTTPS"
    elif status == 404:
        better = f"; {path.value} answers" if path is not None else ""
        yield "path", f"the server does not know {go_quote(action.path)}{better}: change path"
    elif status in (401, 403, 407):
        yield (
            "credentials",
            "the path wants credentials, and probes have none: exempt it from authentication, or "
            "set the header in httpHeaders",
        )
    elif status == 405:
        yield "method", "the path does not take GET, and probes send nothing else: give another"
    elif status == 429:
        yield "rate-limit", "the server limits its callers: exempt the health path"
    elif status >= 500:
        yield (
            "unwell",
            "the server was reached and says itself that it is not well: see its body and its log",
        )


def _body_hints(attempt: Attempt) -> Iterator[tuple[str, str]]:
    read = attempt.last(BodyRead)
    if read is not None and read.truncated:
        yield (
            "long-body",
            f"the body is longer than {len(read.body)} bytes, the rest is not read and the server "
            "may log a broken pipe: answer health with a few bytes",
        )
    elif read is None and attempt.result.output.startswith("context deadline exceeded"):
        limit = go_duration(attempt.target.probe.timeout_seconds)
        yield (
            "endless-body",
            f"the status came, but the body did not end within {limit}: is it a stream? Probes "
            "read the whole body",
        )
    elif read is None and attempt.result.output == "unexpected EOF":
        yield (
            "short-body",
            "the body ended before its announced length: the server broke off while it answered",
        )
