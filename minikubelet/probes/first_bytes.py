"""What protocol a peer speaks, by its first bytes. Pure."""

from __future__ import annotations

import re

_SETTINGS = re.compile(rb"\x00..\x04\x00\x00\x00\x00\x00", re.DOTALL)
_TLS_ALERT = b"\x15\x03"


def is_http2(data: bytes) -> bool:
    """An HTTP/2 server begins with a settings frame."""
    return _SETTINGS.match(data) is not None


def is_tls_alert(data: bytes) -> bool:
    """With which a TLS server answers what is no TLS."""
    return data.startswith(_TLS_ALERT)
