"""`$(NAME)` references in text (L-130).

Invariants: one pass, no nesting; what is not a known reference comes out as it went in.
Upstream: third_party/forked/golang/expansion. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# `$$`, or `$(` up to the first `)`. Every other `$` matches nothing and so stays.
_OPERATOR = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expand(text: str, mapping: Mapping[str, str]) -> str:
    """`text` with each known `$(NAME)` replaced, and `$$` as a `$` that refers to nothing."""

    def replacement(match: re.Match[str]) -> str:
        name = match.group(1)
        return "$" if name is None else mapping.get(name, match.group())

    return _OPERATOR.sub(replacement, text)
