"""One HTTP GET, for probes and for lifecycle hooks (P-310 … P-328, L-187).

Role: a deadline, redirects, and the error texts of Go's client around the conversation with one
server at a time.
Upstream: kubernetes pkg/probe/http. Differs: a broken body is a failure of the probe (B-8);
warnings name the target of the redirect (B-14); the first bytes of a body that upstream hides are
in `detail` (B-15).
"""

from __future__ import annotations

from minikubelet.clock import Clock
from minikubelet.manifest.pod import Container, HTTPGetAction
from minikubelet.probes.addresses import HostLookupError, HostLookupTimeoutError, is_ip, resolve
from minikubelet.probes.exchange import (
    ConnectionLostError,
    Conversation,
    ConversationTimeoutError,
    DialError,
    DialTimeoutError,
    converse,
)
from minikubelet.probes.http_request import (
    PROBE_USER_AGENT,
    HTTPRequest,
    InvalidRequestError,
    RedirectError,
    http_request,
    redirected,
    request_bytes,
)
from minikubelet.probes.http_response import BodyError, MalformedHeadError, ResponseParser
from minikubelet.probes.http_url import URLError
from minikubelet.probes.ports import PortError, resolve_port
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.tls import PlainHTTPAnswerError, TLSConversation, TLSError
from minikubelet.probes.trace import (
    EXCERPT_BYTES,
    BodyRead,
    FirstBytes,
    HeadRead,
    Redirected,
    RequestSent,
    Trace,
)
from minikubelet.value_class import dataclass

EXCERPT_LIMIT = 512
"""Characters of a body in `detail`."""

_AWAITING_HEADERS = "(Client.Timeout exceeded while awaiting headers)"
NO_ANSWER_IN_TIME = f"context deadline exceeded {_AWAITING_HEADERS}"
_READING_BODY = "(Client.Timeout or context cancellation while reading body)"


@dataclass(frozen=True, slots=True)
class HTTPAnswer:
    """The final answer: what no redirect that is followed leads away from."""

    status: int
    body: bytes = b""
    """At most 10240 bytes (P-325)."""
    location: str = ""


class HTTPProbeFailure(Exception):  # noqa: N818 - in probes it is a result
    """There is no complete answer; the text is that of Go's client.

    `plain_answer`: an HTTPS request was answered in plain HTTP (L-187).
    """

    def __init__(self, text: str, *, plain_answer: bool = False) -> None:
        super().__init__(text)
        self.plain_answer = plain_answer


async def probe_http(
    action: HTTPGetAction,
    container: Container,
    pod_ip: str,
    timeout_seconds: float,
    clock: Clock,
    trace: Trace | None = None,
) -> ProbeResult:
    try:
        port = resolve_port(action.port, container)
        request = http_request(action, port, pod_ip, PROBE_USER_AGENT)
        answer = await http_get(request, timeout_seconds, clock, trace)
    except PortError as error:
        return ProbeResult(Outcome.UNKNOWN, error=str(error))
    except HTTPProbeFailure as failure:
        return ProbeResult(Outcome.FAILURE, str(failure))
    return http_result(answer)


def http_result(answer: HTTPAnswer) -> ProbeResult:
    """What a status means for a probe (P-326)."""
    body = answer.body.decode(errors="replace")
    if 200 <= answer.status < 300:
        return ProbeResult(Outcome.SUCCESS, body)
    if 300 <= answer.status < 400:
        text = f"Probe terminated redirects, Response body: {body}"
        if answer.location:
            text += f" (redirect to {answer.location} not followed)"
        return ProbeResult(Outcome.WARNING, text)
    return ProbeResult(
        Outcome.FAILURE,
        f"HTTP probe failed with statuscode: {answer.status}",
        detail=f"body: {body[:EXCERPT_LIMIT]}" if body else "empty body",
    )


async def http_get(
    request: HTTPRequest, timeout_seconds: float, clock: Clock, trace: Trace | None = None
) -> HTTPAnswer:
    """GET, following redirects to the same hostname (P-321); `timeout_seconds` covers it all.

    Raises HTTPProbeFailure.
    """
    deadline = clock.monotonic() + timeout_seconds
    origin, requests_made = request, 0
    while True:
        requests_made += 1
        try:
            conversation = HTTPConversation(origin, request, requests_made, trace)
            await _converse(request, conversation, deadline, clock, trace)
        except BodyError as error:
            raise HTTPProbeFailure(str(error)) from error
        except RedirectError as error:
            raise HTTPProbeFailure(f'Get "{error.url}": {error}') from error
        except _CLIENT_ERRORS as error:
            raise HTTPProbeFailure(
                get_failed(request, error),
                plain_answer=isinstance(error, PlainHTTPAnswerError),
            ) from error
        if conversation.next_request is None:
            return conversation.answer()
        request = conversation.next_request


def get_failed(request: HTTPRequest, why: object) -> str:
    """What Go's client says when a GET failed."""
    return f'Get "{request.url}": {why}'


class _HeadersTimeoutError(Exception):
    """No complete head before the deadline."""


_CLIENT_ERRORS = (
    InvalidRequestError,
    HostLookupError,
    DialError,
    ConnectionLostError,
    TLSError,
    MalformedHeadError,
    _HeadersTimeoutError,
)


class HTTPConversation:
    """One request and its answer on one connection."""

    def __init__(
        self,
        origin: HTTPRequest,
        request: HTTPRequest,
        requests_made: int,
        trace: Trace | None = None,
    ) -> None:
        """Raises InvalidRequestError."""
        self.finished = False
        self.next_request: HTTPRequest | None = None
        self._origin = origin
        self._request = request
        self._requests_made = requests_made
        self._bytes = request_bytes(request)
        self._parser = ResponseParser()
        self._trace = trace
        self._answered = False

    @property
    def unread(self) -> bool:
        return self._parser.truncated

    @property
    def head_complete(self) -> bool:
        return self._parser.head_complete

    def begin(self) -> bytes:
        if self._trace is not None:
            self._trace.note(RequestSent(str(self._request.url), self._bytes))
        return self._bytes

    def receive(self, data: bytes) -> bytes:
        """Raises MalformedHeadError, BodyError, RedirectError."""
        parser = self._parser
        before_head = not parser.head_complete
        if self._trace is not None and not self._answered:
            self._answered = True
            self._trace.note(FirstBytes(data[:EXCERPT_BYTES]))
        if data:
            parser.feed(data)
        else:
            parser.close()
        if before_head and parser.head_complete:
            if self._trace is not None:
                self._trace.note(HeadRead(parser.status, parser.location))
            if parser.status // 100 == 3:
                self.next_request = redirected(
                    self._origin, self._request, parser.status, parser.location, self._requests_made
                )
        self.finished = parser.finished or self.next_request is not None
        if self._trace is not None and self.finished:
            self._note_end(self._trace)
        return b""

    def _note_end(self, trace: Trace) -> None:
        parser = self._parser
        if parser.status // 100 == 3 and parser.location:
            trace.note(Redirected(parser.location, followed=self.next_request is not None))
        if self.next_request is None:
            trace.note(BodyRead(bytes(parser.body), parser.truncated))

    def answer(self) -> HTTPAnswer:
        parser = self._parser
        return HTTPAnswer(parser.status, bytes(parser.body), parser.location)


async def _converse(
    request: HTTPRequest,
    conversation: HTTPConversation,
    deadline: float,
    clock: Clock,
    trace: Trace | None,
) -> None:
    """The conversation over TCP or TLS.

    Raises what `_CLIENT_ERRORS` lists, BodyError, RedirectError.
    """
    url = request.url
    stream: Conversation = conversation
    try:
        addresses = await resolve(url.host, url.port_number, deadline, clock, trace)
        if url.scheme == "https":  # not before: Python knows no TLS with what is no host name
            stream = TLSConversation(conversation, None if is_ip(url.host) else url.host, trace)
        await converse(addresses, stream, deadline, clock, trace)
    except URLError as error:
        raise DialError(f"dial tcp: {error}") from error
    except (HostLookupTimeoutError, DialTimeoutError) as error:
        raise _HeadersTimeoutError(f"{error} {_AWAITING_HEADERS}") from error
    except ConversationTimeoutError as error:
        if conversation.head_complete:
            raise BodyError(f"context deadline exceeded {_READING_BODY}") from error
        raise _HeadersTimeoutError(NO_ANSWER_IN_TIME) from error
    except (ConnectionLostError, TLSError) as error:
        if conversation.head_complete:
            raise BodyError(str(error)) from error
        raise
