"""Why containers are stopped: the words that decisions, records and people share.

Role: apart from the journal, whose records are built when it is imported; programs that only
compute do not need them.
"""

from __future__ import annotations

from enum import StrEnum


class KillCause(StrEnum):
    """Why a container is stopped."""

    LIVENESS = "liveness probe failed"
    STARTUP = "startup probe failed"
    DEFINITION_CHANGED = "definition changed"
    RESIZED = "resources changed"
    UNKNOWN_STATE = "state unknown"
    POST_START_HOOK = "postStart hook failed"
    POD_FINISHED = "no regular container is left to run"
    POD_FAILED = "the pod failed"
    RESTART_ALL = "a restart rule restarts all containers"
    DEADLINE = "activeDeadlineSeconds exceeded"
    EVICTED = "evicted"
    DELETED = "the pod is deleted"
    SHUTDOWN = "asked to stop"
