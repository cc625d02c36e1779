"""What the tests apply."""

from __future__ import annotations

import json
from typing import Any

RUNNING = ["sh", "-c", "echo one; echo two; echo three >&2; trap 'exit 0' TERM; sleep 600 & wait"]


def pod(name: str, command: list[str] | None = None, **spec: Any) -> dict[str, Any]:
    """One container `app` that prints three lines and waits for TERM."""
    container = {"name": "app", "image": "busybox", "command": command or RUNNING}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 2, "containers": [container], **spec},
    }


def text(*documents: dict[str, Any]) -> str:
    """As a manifest."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
