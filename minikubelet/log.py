"""The operator's log: a constant phrase and key=value pairs, over the standard library's logging.

Role: what shells say about transitions. Users read Events and the journal; this is for who runs the
daemon.
"""

from __future__ import annotations

import json
import logging

_QUOTED = frozenset(' "=')


class Logger:
    """`log.info("container exited", pod="default/web", exit_code=137)` → `container exited
    pod=default/web exit_code=137`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, phrase: str, **pairs: object) -> None:
        self._log(logging.INFO, phrase, pairs)

    def warning(self, phrase: str, **pairs: object) -> None:
        self._log(logging.WARNING, phrase, pairs)

    def error(self, phrase: str, **pairs: object) -> None:
        self._log(logging.ERROR, phrase, pairs)

    def exception(self, phrase: str, **pairs: object) -> None:
        """An error with the traceback of the exception being handled."""
        self._log(logging.ERROR, phrase, pairs, traceback=True)

    def _log(
        self, level: int, phrase: str, pairs: dict[str, object], *, traceback: bool = False
    ) -> None:
        if self._logger.isEnabledFor(level):
            text = " ".join([phrase, *(f"{key}={_value(value)}" for key, value in pairs.items())])
            self._logger.log(level, "%s", text, exc_info=traceback)


def get_logger(name: str) -> Logger:
    return Logger(name)


def _value(value: object) -> str:
    """On one line, and without signs that steer a terminal, whatever a client has sent."""
    text = str(value)
    if not text.isprintable():
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False) if not text or _QUOTED & set(text) else text
