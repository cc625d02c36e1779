"""A small client of the API: requests, streams, errors as kubectl words them.

Role: one connection, JSON in and out. Standard library only, since each command waits for its
imports. Invariants: what goes wrong ends in `CommandError`, whose text is for the user; redirects
are not followed, proxies are not used.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from minikubelet.cli.http_wire import Connection, Response, WireError
from minikubelet.cli.kubeconfig_file import Cluster
from minikubelet.manifest.json_tree import Json

JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
APPLY = "application/apply-patch+yaml"
_TIMEOUT_SECONDS = 30.0
_PORTS = {"https": 443, "http": 80}


class CommandError(Exception):
    """What the command says on standard error before it ends with exit code 1."""


class ServerError(CommandError):
    """The server answered with a failure."""

    def __init__(self, code: int, reason: str, status: Json, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason
        self.status = status


class Client:
    def __init__(self, cluster: Cluster, timeout: float = _TIMEOUT_SECONDS) -> None:
        """`timeout`: how long the server may be silent, except in a stream that has begun."""
        self.cluster = cluster
        self.timeout = timeout
        self._url = urlsplit(cluster.server)
        self._connection: Connection | None = None
        self._warned: set[str] = set()

    def get(self, path: str, query: Mapping[str, str] | None = None, accept: str = JSON) -> Json:
        return self.request("GET", path, query, accept=accept)[1]

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> tuple[int, Json]:
        """The HTTP status and the object of the answer; raises CommandError."""
        response = self._send(method, path, query, body, content_type, accept)
        try:
            data = response.read()
        except (OSError, WireError) as err:
            raise unreachable(err, self.cluster, self.timeout) from err
        try:
            answer = json.loads(data) if data else {}
        except ValueError as err:
            raise CommandError(f"the server sent no JSON: {data[:200]!r}") from err
        return response.status, answer

    def stream(
        self, path: str, query: Mapping[str, str] | None = None, accept: str = JSON
    ) -> Iterator[bytes]:
        """The bytes of the answer as they come; it may be silent for any time."""
        response = self._send("GET", path, query, None, JSON, accept)
        if self._connection is not None:
            self._connection.sock.settimeout(None)
        try:
            yield from response.body
        except (OSError, WireError) as err:
            raise CommandError(f"the connection to the server was lost: {_why(err)}") from err

    def watch(
        self, path: str, query: Mapping[str, str] | None = None, accept: str = JSON
    ) -> Iterator[Json]:
        """The events of a watch; raises CommandError for an ERROR event."""
        rest = b""
        for data in self.stream(path, {**(query or {}), "watch": "true"}, accept):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.strip():
                    event: Json = json.loads(line)
                    if event.get("type") == "ERROR":
                        raise CommandError(status_text(event.get("object") or {}))
                    yield event

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        accept: str,
    ) -> Response:
        target = self._url.path.rstrip("/") + path + (f"?{encode_query(query)}" if query else "")
        headers = {"Accept": accept, "User-Agent": "minikubelet"}
        if self.cluster.token and self._url.scheme == "https":
            headers["Authorization"] = f"Bearer {self.cluster.token}"
        data = None
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
            headers["Content-Type"] = content_type
        try:
            response = self._connect().request(method, target, headers, data)
            self._warn(response)
            if response.status >= 400:
                raise server_error(response.status, response.read(), self.cluster)
        except (OSError, WireError) as err:
            self.close()
            raise unreachable(err, self.cluster, self.timeout) from err
        return response

    def _warn(self, response: Response) -> None:
        """Each warning once, as kubectl does."""
        for header in response.all("warning"):
            text = _warning_text(header)
            if text not in self._warned:
                self._warned.add(text)
                print(f"Warning: {text}", file=sys.stderr)

    def _connect(self) -> Connection:
        if self._connection is not None:
            return self._connection
        url = self._url
        host = url.hostname or ""
        port = url.port or _PORTS[url.scheme]
        sock = socket.create_connection((host, port), self.timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if url.scheme == "https":
            sock = tls_context(self.cluster).wrap_socket(sock, server_hostname=host)
        self._connection = Connection(sock, url.netloc)
        return self._connection


def unreachable(err: Exception, cluster: Cluster, timeout: float) -> CommandError:
    """What to say when the server cannot be talked to."""
    server, source = cluster.server, cluster.source
    if isinstance(err, ConnectionRefusedError):
        return CommandError(
            f"the daemon is not running: nothing listens at {server} (from {source}). "
            "Start it with `minikubelet daemon`"
        )
    if isinstance(err, ssl.SSLCertVerificationError):
        return CommandError(
            f"{server} is not the server that {source} was written for: {err.verify_message}"
        )
    if isinstance(err, TimeoutError):
        return CommandError(f"{server} did not answer within {timeout:g}s")
    return CommandError(f"cannot talk to {server}: {_why(err)}")


def encode_query(query: Mapping[str, str] | Sequence[tuple[str, str]]) -> str:
    """Words of a command line need not be UTF-8: their bytes are sent as they are."""
    return urlencode(query, errors="surrogateescape")


def segment(text: str) -> str:
    """A name as part of a path."""
    return quote(text, safe="", errors="surrogateescape")


def status_text(status: Json) -> str:
    """As kubectl prints a failure (wire spec, section 7)."""
    reason = status.get("reason") or ""
    message = status.get("message") or f"the server answered with code {status.get('code')}"
    details = status.get("details") or {}
    causes = details.get("causes") or []
    if reason == "Unauthorized":
        return "error: You must be logged in to the server (Unauthorized)"
    if reason == "Invalid" and details and causes:
        group = f".{details['group']}" if details.get("group") else ""
        named = f'The {details.get("kind", "")}{group} "{details.get("name", "")}" is invalid'
        texts = [
            f"{c['field']}: {c.get('message', '')}" if c.get("field") else c["message"]
            for c in causes
        ]
        if len(texts) == 1:
            return f"{named}: {texts[0]}"
        return "\n".join([f"{named}: ", *(f"* {text}" for text in dict.fromkeys(texts))])
    return f"Error from server ({reason}): {message}" if reason else f"Error from server: {message}"


def server_error(code: int, data: bytes, cluster: Cluster) -> ServerError:
    try:
        status = json.loads(data)
    except ValueError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = data.decode(errors="replace").strip()[:1000]
        return ServerError(code, "", {}, f"Error from server (HTTP {code}): {text}")
    text = status_text(status)
    if code == 401:
        text += f"\nThe token of {cluster.source} is not the daemon's (any more)"
    return ServerError(code, status.get("reason") or "", status, text)


def _warning_text(header: str) -> str:
    """The text of `299 - "text"`."""
    text = header.split(" ", 2)[-1]
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        text = text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text


def tls_context(cluster: Cluster) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=cluster.authority or None)
    if cluster.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cluster.client_certificate:
        import tempfile  # rarely needed

        # The standard library reads certificates from files only.
        descriptor, name = tempfile.mkstemp(prefix="minikubelet-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(cluster.client_certificate + b"\n" + cluster.client_key)
            context.load_cert_chain(name)
        finally:
            Path(name).unlink()
    return context


def _why(err: Exception) -> str:
    return (getattr(err, "strerror", None) or str(err) or type(err).__name__).lower()
