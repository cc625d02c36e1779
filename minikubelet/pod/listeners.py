"""Who listens where on this host, as seen by those who only read about it. Pure values."""

from __future__ import annotations

from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP socket that accepts connections."""

    address: str
    """An IP address; `0.0.0.0` or `::` for all."""
    port: int
    holder: str
    """`nginx (pid 4711)`, or `another process` where that is hidden."""

    @property
    def accepts_from_everywhere(self) -> bool:
        return self.address in ("0.0.0.0", "::")

    @property
    def is_loopback(self) -> bool:
        return self.address.startswith("127.") or self.address in ("::1", "::ffff:127.0.0.1")
