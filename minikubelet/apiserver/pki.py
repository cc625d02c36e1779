"""The keys of the API server: own CA, server certificate, client certificate, token.

Role: make what is missing in `<state>/pki`, keep what is good, and give the TLS context (K-1, K-3).
Invariants: the directory is 0700 and every file 0600; a damaged, foreign, or soon expiring file is
made again with a line in the log, and what it had signed with it; clients that hold the CA and the
token survive a new server certificate.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import field
from datetime import datetime
from pathlib import Path

from minikubelet.apiserver.private_files import make_private_dir, write_private
from minikubelet.log import get_logger
from minikubelet.value_class import dataclass

log = get_logger(__name__)

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
PAIRS = ("ca", "server", "client")
_CHECKED = "checked.json"
_WILDCARDS = ("0.0.0.0", "::", "")
_MIN_TOKEN_LENGTH = 40
"""Of a token that the user has put there: 160 bits, when it is written in hex digits."""

Issue = Callable[[Path, datetime, Sequence[str], str], datetime]
"""As `issuing.issue()`."""


@dataclass(frozen=True, slots=True)
class Pki:
    """What is in place. Paths are for the TLS library and for users (`curl --cert`)."""

    directory: Path
    ca_pem: bytes
    token: str = field(repr=False)
    hosts: tuple[str, ...]
    """The names and addresses in the server's certificate."""
    since: datetime
    until: datetime
    """All certificates are good from `since` on, and need to be renewed at `until`."""

    @property
    def ca_path(self) -> Path:
        return self.directory / "ca.crt"

    def is_good(self, now: datetime) -> bool:
        return self.since <= now < self.until

    def certificate_path(self, name: str) -> Path:
        """`name`: ca, server or client."""
        return self.directory / f"{name}.crt"

    def key_path(self, name: str) -> Path:
        return self.directory / f"{name}.key"


def _issue_here(directory: Path, now: datetime, hosts: Sequence[str], user: str) -> datetime:
    from minikubelet.apiserver.issuing import issue  # see `_checked`

    return issue(directory, now, hosts, user)


def prepare_pki(
    directory: Path,
    now: datetime,
    listen_hosts: Sequence[str] = (),
    user: str = "minikubelet",
    *,
    issue: Issue = _issue_here,
) -> Pki:
    """Make or renew what needs it, by `issue`. Raises OSError when the directory cannot be
    written."""
    make_private_dir(directory)
    directory.chmod(0o700)
    hosts = server_hosts(listen_hosts)
    span = _checked(directory, now, hosts)
    if span is None:
        span = (now, issue(directory, now, hosts, user))
        checked = {
            "since": span[0].isoformat(),
            "until": span[1].isoformat(),
            "hosts": hosts,
            "files": _digests(directory),
        }
        write_private(directory / _CHECKED, json.dumps(checked).encode())
    token = _token(directory / "token")
    for path in directory.iterdir():
        path.chmod(0o600)
    return Pki(directory, (directory / "ca.crt").read_bytes(), token, hosts, *span)


def renewed_pki(pki: Pki, now: datetime, issue: Issue = _issue_here) -> Pki:
    """For the same hosts. Raises OSError."""
    return prepare_pki(pki.directory, now, pki.hosts, issue=issue)


def server_hosts(listen_hosts: Sequence[str]) -> tuple[str, ...]:
    """Loopback and what was asked for; everything this host has, when it listens everywhere."""
    hosts = [*_LOOPBACK, *(host for host in listen_hosts if host not in _WILDCARDS)]
    if any(host in _WILDCARDS for host in listen_hosts):
        hosts += _own_addresses()
    return tuple(dict.fromkeys(hosts))


def server_context(pki: Pki) -> ssl.SSLContext:
    """TLS 1.2 and later, HTTP/1.1 alone; a client may bring a certificate of our CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificates(context, pki)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


def load_certificates(context: ssl.SSLContext, pki: Pki) -> None:
    """For the connections to come; may be repeated. Raises OSError."""
    context.load_cert_chain(pki.certificate_path("server"), pki.key_path("server"))
    context.load_verify_locations(pki.ca_path)


def _checked(
    directory: Path, now: datetime, hosts: Sequence[str]
) -> tuple[datetime, datetime] | None:
    """From when until when the files are good, if they are those that were found good before. Saves
    the daemon, which starts with the same files again and again, the cryptography library: 8 MB
    and 80 ms."""
    try:
        checked = json.loads((directory / _CHECKED).read_text())
        since, until = (datetime.fromisoformat(checked[key]) for key in ("since", "until"))
        is_good = (
            since <= now < until
            and checked["hosts"] == list(hosts)
            and checked["files"] == _digests(directory)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (since, until) if is_good else None


def _digests(directory: Path) -> dict[str, str]:
    names = [f"{name}.{suffix}" for name in PAIRS for suffix in ("crt", "key")]
    return {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in names}


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
        if len(token) >= _MIN_TOKEN_LENGTH and token.isalnum():
            return token
        log.warning("the token is damaged, making a new one", path=path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        log.warning("cannot read the token, making a new one", path=path, reason=error)
    token = secrets.token_hex(32)
    write_private(path, token.encode() + b"\n")
    return token


def _own_addresses() -> list[str]:
    import socket

    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    found = [
        address.address.partition("%")[0]
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in families
    ]
    return [*sorted(set(found)), socket.gethostname().lower()]
