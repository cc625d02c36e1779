"""What can go wrong when a container is started, in the words that its status shows."""

from __future__ import annotations

import os


class ContainerStartError(Exception):
    """A container could not be started: `reason` is its waiting reason (lifecycle spec, section 8).

    `RunContainerError` means that the instance exists and counts as exited with code 128, reason
    `StartError` (L-111); with any other reason there is no instance.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def error_text(error: Exception) -> str:
    """An OSError in the words of Go: `<path>: <what went wrong>`."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror.lower()}"
    return str(error)
