"""The user's terminal during a session: raw, watched for its size, and given back.

Invariants: whatever ends the block, the terminal is as it was before; nothing waits for a terminal
that stands still.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import termios
import tty
from collections.abc import Iterator
from dataclasses import field

from minikubelet.apiserver.wire.terminal import TerminalSize
from minikubelet.value_class import dataclass


@dataclass(slots=True)
class Terminal:
    """Of which `descriptor` is the input."""

    descriptor: int
    resized: asyncio.Event = field(default_factory=asyncio.Event)

    def size(self) -> TerminalSize | None:
        """None where it is not known."""
        try:
            width, height = os.get_terminal_size(self.descriptor)
        except OSError:
            return None
        return TerminalSize(width, height) if width > 0 and height > 0 else None

    @contextlib.contextmanager
    def raw(self) -> Iterator[None]:
        """Keys go through as they are, Ctrl-C too; `resized` is set when the window changes."""
        loop = asyncio.get_running_loop()
        before = termios.tcgetattr(self.descriptor)
        try:
            tty.setraw(self.descriptor, termios.TCSANOW)
            loop.add_signal_handler(signal.SIGWINCH, self.resized.set)
            yield
        finally:
            loop.remove_signal_handler(signal.SIGWINCH)
            # Not before output has drained: that may be never.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.descriptor, termios.TCSANOW, before)
