"""Start the mock server quickly: an image by its name at once, everything else by the command
line."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from minikubelet.mock.images import is_image, run_image
from minikubelet.mock.server import LOOPBACK


def main(arguments: Sequence[str]) -> int:
    """The exit code. SIGINT ends it as it ends any simple program, without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    bind, words = [], list(arguments)
    while words[:1] == ["--bind"] and len(words) > 1:
        bind.append(words[1])
        del words[:2]
    if words and is_image(words[0]):
        return run_image(words, tuple(bind) or LOOPBACK)
    # argparse costs as much time as the server itself.
    from minikubelet.mock.command_line import main as with_options

    return with_options(arguments)
