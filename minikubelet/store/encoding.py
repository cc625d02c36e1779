"""Documents to bytes and back, the one place that knows the encoder.

Role: compact JSON as it is stored and sent. Pure. The encoder is imported at the first use: `run`
starts its first container before it stores anything.
Invariants: `decode(encode(document)) == document` for every JSON document.
"""

from __future__ import annotations

from typing import Any

from minikubelet.manifest.json_tree import Json


def encode(document: Json) -> bytes:
    """TypeError for what JSON cannot carry, such as numbers beyond 64 bits."""
    import orjson

    # Copied, since orjson gives all that it had reserved while it wrote: five times as much.
    return bytes(memoryview(orjson.dumps(document)))


def decode(encoded: bytes) -> Json:
    import orjson

    document: Json = orjson.loads(encoded)
    return document


def same_json(one: Any, other: Any) -> bool:
    """Equal as JSON: the order of keys does not count, but `true` is not `1` as it is in Python."""
    if one != other:
        return False
    import orjson

    sort = orjson.OPT_SORT_KEYS
    return orjson.dumps(one, option=sort) == orjson.dumps(other, option=sort)
