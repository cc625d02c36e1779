"""The keys of the API server: own CA, server certificate, client certificate, token.

Role: make what is missing in `<state>/pki`, keep what is good, and give the TLS context (K-1, K-3).
Invariants: the directory is 0700 and every file 0600; a damaged, foreign, or soon expiring file is
made again with a line in the log, and what it had signed with it; clients that hold the CA and the
token survive a new server certificate.
"""

from __future__ import annotations

import os
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from minikubelet.apiserver.certificates import (
    CertificateError,
    Issued,
    check_issued,
    make_authority,
    make_client,
    make_server,
)
from minikubelet.apiserver.private_files import make_private_dir, write_private
from minikubelet.log import get_logger

log = get_logger(__name__)

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_WILDCARDS = ("0.0.0.0", "::", "")
_MIN_TOKEN_LENGTH = 40
"""Of a token that the user has put there: 160 bits, when it is written in hex digits."""


@dataclass(frozen=True, slots=True)
class Pki:
    """What is in place. Paths are for the TLS library and for users (`curl --cert`)."""

    directory: Path
    ca_pem: bytes
    token: str = field(repr=False)
    hosts: tuple[str, ...]
    """The names and addresses in the server's certificate."""

    @property
    def ca_path(self) -> Path:
        return self.directory / "ca.crt"

    def certificate_path(self, name: str) -> Path:
        """`name`: ca, server or client."""
        return self.directory / f"{name}.crt"

    def key_path(self, name: str) -> Path:
        return self.directory / f"{name}.key"


def prepare_pki(
    directory: Path, now: datetime, listen_hosts: Sequence[str] = (), user: str = "minikubelet"
) -> Pki:
    """Make or renew what needs it. Raises OSError when the directory cannot be written."""
    make_private_dir(directory)
    directory.chmod(0o700)
    hosts = server_hosts(listen_hosts)
    authority = _kept(directory, "ca", now) or _written(directory, "ca", make_authority(now))
    if _kept(directory, "server", now, authority, hosts) is None:
        _written(directory, "server", make_server(authority, hosts, now))
    if _kept(directory, "client", now, authority) is None:
        groups = ("system:masters",)
        _written(directory, "client", make_client(authority, user, groups, now))
    return Pki(directory, authority.certificate_pem, _token(directory / "token"), hosts)


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
    context.load_cert_chain(pki.certificate_path("server"), pki.key_path("server"))
    context.load_verify_locations(pki.ca_path)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


def _kept(
    directory: Path,
    name: str,
    now: datetime,
    authority: Issued | None = None,
    hosts: Sequence[str] = (),
) -> Issued | None:
    """The pair on disk if it is good still; files that others could read are taken from them."""
    try:
        found = Issued(
            (directory / f"{name}.crt").read_bytes(), (directory / f"{name}.key").read_bytes()
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("cannot read a key, making a new one", name=name, reason=error)
        return None
    try:
        check_issued(found, now, authority, hosts)
    except CertificateError as error:
        log.warning("a certificate is not good any more, making a new one", name=name, reason=error)
        return None
    for suffix in ("crt", "key"):
        os.chmod(directory / f"{name}.{suffix}", 0o600)
    return found


def _written(directory: Path, name: str, issued: Issued) -> Issued:
    # The key first: a crash between the two leaves a pair that does not match, and is seen.
    write_private(directory / f"{name}.key", issued.key_pem)
    write_private(directory / f"{name}.crt", issued.certificate_pem)
    return issued


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
        if len(token) >= _MIN_TOKEN_LENGTH and token.isalnum():
            path.chmod(0o600)
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
