"""aiohttp, without the certificates of all public authorities.

Role: aiohttp makes a TLS context for the public web when it is imported, as its client's default;
to read the system's certificates is a fifth of that import. Whoever may be the first to import it
does so through this module.
Invariants: nobody uses that default. Our client has a context with the authority of its kubeconfig;
one that forgot it would trust no server at all.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

_NAME = "create_default_context"


def _trusting_nobody() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@contextmanager
def _without_authorities() -> Iterator[None]:
    given = getattr(ssl, _NAME)
    setattr(ssl, _NAME, _trusting_nobody)
    try:
        yield
    finally:
        setattr(ssl, _NAME, given)


with _without_authorities():
    import aiohttp as aiohttp
