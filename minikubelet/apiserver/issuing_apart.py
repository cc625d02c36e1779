"""Issue certificates in a process of its own.

Role: the cryptography library is needed once in years; the daemon would keep its 8 MB for as long
as it lives.
Invariants: what the other process could not do is done here, so that a start never fails for it.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from minikubelet.log import get_logger

log = get_logger(__name__)

_TIMEOUT_SECONDS = 20
_PROGRAM = """
import json, sys
asked = json.load(sys.stdin)
sys.path[:] = asked.pop("path")
from minikubelet.apiserver.issuing_apart import answer
print(json.dumps(answer(**asked)))
"""


def issue_apart(directory: Path, now: datetime, hosts: Sequence[str], user: str) -> datetime:
    """As `issuing.issue()`. Raises OSError."""
    asked = {
        "path": sys.path,
        "directory": str(directory.absolute()),
        "now": now.isoformat(),
        "hosts": list(hosts),
        "user": user,
    }
    try:
        ran = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
        answered = json.loads(ran.stdout)
        until = datetime.fromisoformat(answered["until"])
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        log.warning("issuing certificates here, no process could", reason=error)
        from minikubelet.apiserver.issuing import issue  # needed here after all

        return issue(directory, now, hosts, user)
    for warning in answered["warnings"]:
        log.warning(warning)
    return until


def answer(directory: str, now: str, hosts: list[str], user: str) -> dict[str, object]:
    """In the process of its own."""
    from minikubelet.apiserver.issuing import issue  # not in the process that asks

    told = _Told()
    logging.getLogger("minikubelet").addHandler(told)
    until = issue(Path(directory), datetime.fromisoformat(now), hosts, user)
    return {"until": until.isoformat(), "warnings": told.lines}


class _Told(logging.Handler):
    """Keeps the lines of the log for the log of who asked."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
