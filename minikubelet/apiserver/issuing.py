"""Check the certificates of `<state>/pki`, and make again what is not good (see `pki.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from minikubelet.apiserver.certificates import (
    CertificateError,
    Issued,
    check_issued,
    make_authority,
    make_client,
    make_server,
    renewal_of,
)
from minikubelet.apiserver.private_files import write_private
from minikubelet.log import get_logger

log = get_logger(__name__)

_GROUPS = ("system:masters",)


def issue(directory: Path, now: datetime, hosts: Sequence[str], user: str) -> datetime:
    """Returns until when all of them are good. Raises OSError."""
    authority = _kept(directory, "ca", now)
    if authority is None:
        authority = _written(directory, "ca", make_authority(now))
    server = _kept(directory, "server", now, authority, hosts)
    if server is None:
        server = _written(directory, "server", make_server(authority, hosts, now))
    client = _kept(directory, "client", now, authority)
    if client is None:
        client = _written(directory, "client", make_client(authority, user, _GROUPS, now))
    return min(renewal_of(issued) for issued in (authority, server, client))


def _kept(
    directory: Path,
    name: str,
    now: datetime,
    authority: Issued | None = None,
    hosts: Sequence[str] = (),
) -> Issued | None:
    """The pair on disk if it is good still."""
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
    return found


def _written(directory: Path, name: str, issued: Issued) -> Issued:
    # The key first: a crash between the two leaves a pair that does not match, and is seen.
    write_private(directory / f"{name}.key", issued.key_pem)
    write_private(directory / f"{name}.crt", issued.certificate_pem)
    return issued
