"""TLS around a conversation: for HTTPS probes, without any verification (P-319).

Role: the standard library's TLS over memory, so that sockets stay in one place.
Invariants: one SSLContext for all probes, since making one takes milliseconds.
"""

from __future__ import annotations

import ssl
from functools import cache

from minikubelet.probes.exchange import Conversation
from minikubelet.probes.trace import Secured, Trace

_RECORD_SIZE = 65536
_ALERT = "_ALERT_"


class TLSError(Exception):
    """The handshake or the encrypted stream failed; the text resembles Go's."""


class PlainHTTPAnswerError(TLSError):
    """The peer answered in plain HTTP (L-187)."""

    def __init__(self) -> None:
        super().__init__("http: server gave HTTP response to HTTPS client")


class TLSConversation:
    """Encrypts `inner`; `server_name` is None for an IP address."""

    def __init__(
        self, inner: Conversation, server_name: str | None, trace: Trace | None = None
    ) -> None:
        self._inner = inner
        self._server_name = server_name
        self._trace = trace
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = unverified_context().wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name
        )
        self._secure = False
        self._first_bytes = b""

    @property
    def finished(self) -> bool:
        return self._inner.finished

    @property
    def unread(self) -> bool:
        return self._inner.unread

    def begin(self) -> bytes:
        self._handshake()
        return self._outgoing.read()

    def receive(self, data: bytes) -> bytes:
        """Raises TLSError, and what `inner` raises."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        if not self._secure:
            self._refuse_plain_http(data)
            self._handshake()
        if self._secure:
            self._read()
        return self._outgoing.read()

    def _refuse_plain_http(self, data: bytes) -> None:
        if len(self._first_bytes) < 5:
            self._first_bytes += data[:5]
            if self._first_bytes.startswith(b"HTTP/"):
                raise PlainHTTPAnswerError

    def _handshake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise TLSError("EOF") from error
        except ssl.SSLError as error:
            raise TLSError(_text(error)) from error
        self._secure = True
        if self._trace is not None:
            self._trace.note(self._secured())
        self._tls.write(self._inner.begin())

    def _secured(self) -> Secured:
        cipher = self._tls.cipher()
        return Secured(
            self._tls.version() or "", cipher[0] if cipher else "", self._server_name or ""
        )

    def _read(self) -> None:
        while not self._inner.finished:
            try:
                data = self._tls.read(_RECORD_SIZE)
            except ssl.SSLWantReadError:
                return
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                data = b""  # an end without close_notify is common, and Go takes it as well
            except ssl.SSLError as error:
                raise TLSError(_text(error)) from error
            answer = self._inner.receive(data)
            if answer:
                self._tls.write(answer)
            if not data:
                return


@cache
def unverified_context() -> ssl.SSLContext:
    """Any certificate and, as with Go, any key size will do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.set_alpn_protocols(["http/1.1"])
    return context


def _text(error: ssl.SSLError) -> str:
    reason = error.reason or "handshake failure"
    if reason in ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"):
        return "tls: first record does not look like a TLS handshake"
    words = reason.rpartition(_ALERT)[2].replace("_", " ").lower()
    return f"remote error: tls: {words}" if _ALERT in reason else f"tls: {words}"
