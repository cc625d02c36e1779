"""What can go wrong when a container is started, in the words that its status shows."""

from __future__ import annotations


class ContainerStartError(Exception):
    """A container could not be started: `reason` is its waiting reason (lifecycle spec, section 8).

    `RunContainerError` means that the instance exists and counts as exited with code 128, reason
    `StartError` (L-111); with any other reason there is no instance.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
