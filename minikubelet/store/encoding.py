"""Documents to bytes and back, the one place that knows the encoder.

Role: compact JSON as it is stored and sent. Pure.
Invariants: `decode(encode(document)) == document` for every JSON document.
"""

from __future__ import annotations

from typing import Any

import orjson

from minikubelet.manifest.json_tree import Json


def encode(document: Json) -> bytes:
    """TypeError for what JSON cannot carry, such as numbers beyond 64 bits."""
    return orjson.dumps(document)


def decode(encoded: bytes) -> Json:
    document: Json = orjson.loads(encoded)
    return document


def same_json(one: Any, other: Any) -> bool:
    """Equal as JSON: the order of keys does not count, but `true` is not `1` as it is in Python."""
    return bool(one == other) and (
        orjson.dumps(one, option=orjson.OPT_SORT_KEYS)
        == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
    )
