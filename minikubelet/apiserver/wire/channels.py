"""The channels of exec, attach and port-forward inside WebSocket messages (K-67 … K-70).

Role: one message ⇄ one channel and its data, in each subprotocol that Kubernetes knows. Pure.
Invariants: a message that cannot be read is a ValueError, never a guess; nothing is kept between
messages.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from enum import IntEnum

from minikubelet.value_class import dataclass


class Channel(IntEnum):
    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255


@dataclass(frozen=True, slots=True)
class ChannelProtocol:
    """`half_close`: a client can end its stdin alone (K-68). `status_json`: how a session ended is
    a Status, also when it ended well; before v4 it is plain text, for failures only (K-74)."""

    name: str
    half_close: bool = False
    status_json: bool = False
    is_base64: bool = False

    def encode(self, channel: int, data: bytes) -> bytes | str:
        """A binary message, or a text message where the protocol is a base64 one."""
        if self.is_base64:
            return str(channel) + base64.b64encode(data).decode()
        return bytes((channel,)) + data

    def decode(self, message: bytes | str) -> tuple[int, bytes] | None:
        """Channel and data; None for an empty message, which means nothing. Raises ValueError."""
        if not message:
            return None
        if not self.is_base64:
            raw = message.encode() if isinstance(message, str) else message
            return raw[0], raw[1:]
        text = message.decode("latin-1") if isinstance(message, bytes) else message
        if not (text[0].isascii() and text[0].isdigit()):
            raise ValueError(f"no channel is called {text[0]!r}")
        try:
            return int(text[0]), base64.b64decode(text[1:], validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("the message is not base64") from None


_BINARY = "channel.k8s.io"
_BASE64 = "base64.channel.k8s.io"
V1 = ChannelProtocol(_BINARY)
V4 = ChannelProtocol(f"v4.{_BINARY}", status_json=True)
V5 = ChannelProtocol(f"v5.{_BINARY}", status_json=True, half_close=True)
UNNAMED = ChannelProtocol("")
"""For a client that asks for no protocol: the first one, without its name."""
CHANNEL_PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        V5,
        V4,
        ChannelProtocol(f"v4.{_BASE64}", status_json=True, is_base64=True),
        V1,
        ChannelProtocol(_BASE64, is_base64=True),
    )
}


def choose_channel_protocol(offered: Iterable[str]) -> ChannelProtocol | None:
    """The first offer that is known; None when none is."""
    offers = list(offered)
    if not offers:
        return UNNAMED
    return next((CHANNEL_PROTOCOLS[name] for name in offers if name in CHANNEL_PROTOCOLS), None)
