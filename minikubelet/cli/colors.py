"""Colors, and text that is safe to show on a terminal. Pure.

Role: whether to color; a color per container; control characters of containers made visible, so
that a log line can neither move the cursor nor change the title or the settings of a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

RESET = "\x1b[0m"
DIM = "\x1b[2m"
BOLD = "\x1b[1m"
GREEN = "\x1b[32m"
YELLOW = "\x1b[33m"
RED = "\x1b[31m"

_OF_CONTAINERS = (36, 35, 34, 32, 96, 95, 94, 92)
"""Cyan, magenta, blue, green, then bright ones. No red and yellow: those are for problems."""


def use_color(*, is_terminal: bool, no_color: bool, environ: Mapping[str, str]) -> bool:
    """`--no-color`, then NO_COLOR, then FORCE_COLOR decide; else whether it is a terminal."""
    if no_color or environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return is_terminal and environ.get("TERM") != "dumb"


def container_color(index: int) -> str:
    """The color of the container at this place: neighbors differ."""
    return f"\x1b[{_OF_CONTAINERS[index % len(_OF_CONTAINERS)]}m"


_SGR = "\x1b\\[[0-9;:]*m"
_CONTROL = re.compile(f"{_SGR}|[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Text as a terminal may show it: colors and tabs stay, other control characters are written
    as `cat -v` does (`^[` for escape). Colors end with the line."""
    if text.isprintable():
        return text
    shown = _CONTROL.sub(_shown, text)
    return shown + RESET if "\x1b" in shown else shown


def _shown(match: re.Match[str]) -> str:
    text = match[0]
    if len(text) > 1:
        return text
    code = ord(text)
    return f"^{chr(code ^ 0x40)}" if code < 0x80 else f"M-^{chr(code ^ 0xC0)}"
