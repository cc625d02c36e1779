"""Make `minikubelet/manifest/api_fields.json` from a table of the Kubernetes API types.

Usage: python -m tests.tools.make_api_fields SOURCE.json > minikubelet/manifest/api_fields.json

The source maps each message to its fields: `number`, `name`, `type`, `shape`, `enum`, `mergeKey`,
`patchStrategy`. The result keeps all of it; a field becomes a list in that order without its empty
tail, and whole numbers get their width, which the source does not tell.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_COLUMNS = ("number", "name", "type", "shape", "enum", "mergeKey", "patchStrategy")

# Of 64 bits wherever they occur; every other whole number of the API has 32.
_INT64 = frozenset(
    {
        "activeDeadlineSeconds",
        "capacity",
        "defaultUser",
        "deletionGracePeriodSeconds",
        "expirationSeconds",
        "fsGroup",
        "generation",
        "gid",
        "gracePeriodSeconds",
        "observedGeneration",
        "revision",
        "runAsGroup",
        "runAsUser",
        "seconds",
        "sizeBytes",
        "startingDeadlineSeconds",
        "supplementalGroups",
        "terminationGracePeriodSeconds",
        "tolerationSeconds",
        "uid",
        "user",
    }
)


def compact(source: dict[str, Any]) -> str:
    """The table as JSON text, one message per line, so that a new version shows as a diff."""
    head = {key: source[key] for key in ("kubernetes", "groupVersions", "roots")}
    lines = [f"{_json(key)}:{_json(value)}," for key, value in head.items()]
    lines += ['"enums":{', *_members(source["enums"]), "},"]
    messages = {
        name: [_compact_field(field) for field in fields]
        for name, fields in source["messages"].items()
    }
    lines += ['"messages":{', *_members(messages), "}"]
    return "\n".join(["{", *lines, "}", ""])


def _members(values: dict[str, Any]) -> list[str]:
    """The members of a JSON object, in order of their names, one per line."""
    members = [f"{_json(name)}:{_json(values[name])}" for name in sorted(values)]
    return [f"{member}," for member in members[:-1]] + members[-1:]


def _compact_field(field: dict[str, Any]) -> list[Any]:
    row = [field.get(column, "") for column in _COLUMNS]
    if field["type"] == "integer":
        row[_COLUMNS.index("type")] = "int64" if field["name"] in _INT64 else "int32"
    while row[-1] == "":
        row.pop()
    return row


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(compact(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
