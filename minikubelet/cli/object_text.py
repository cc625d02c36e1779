"""Objects as kubectl prints them: JSON here, YAML in `manifest/object_yaml.py`. Pure.

Invariants: keys are sorted; what is printed reads back as the same object.
Upstream: cli-runtime JSONPrinter.
"""

from __future__ import annotations

import json
from typing import Any

from minikubelet.manifest.json_tree import Json

_JSON_ESCAPES = {
    ord("<"): "\\u003c",
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def json_text(document: Any) -> str:
    text = json.dumps(document, indent=4, sort_keys=True, ensure_ascii=False)
    return text.translate(_JSON_ESCAPES) + "\n"


def without_managed_fields(document: Json) -> Json:
    """kubectl does not show them; lists are searched."""
    if isinstance(items := document.get("items"), list):
        return document | {"items": [without_managed_fields(item) for item in items]}
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return document
    kept = {key: value for key, value in metadata.items() if key != "managedFields"}
    return document | {"metadata": kept}
