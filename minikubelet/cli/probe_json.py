"""`minikubelet probe -o json`: one document. Pure.

    {"probes": [{"pod": "web", "namespace": "default", "container": "app", "kind": "Liveness",
                 "probe": "http-get http://127.0.0.1:8080/", "timeoutSeconds": 1,
                 "outcome": "failure", "success": false, "seconds": 0.0021,
                 "marginSeconds": 0.9979, "output": "…", "error": "", "detail": "body: …",
                 "event": "Liveness probe failed: …",
                 "steps": [{"atSeconds": 0.0002, "step": "Connected",
                            "address": "127.0.0.1:8080", "local": "127.0.0.1:53412"}],
                 "looks": [{"changed": "path", "value": "/", "success": true, "seconds": 0.001}],
                 "hints": [{"name": "path", "text": "…"}]}],
     "succeeded": 0, "failed": 1}

`outcome` is `success`, `warning` (which is a success), `failure` or `error` (no attempt could be
made). Bytes are given as UTF-8 text, what is none replaced.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from minikubelet.cli.probe_text import handler_text
from minikubelet.events import probe_event_text
from minikubelet.probes.attempt import Examined, Look
from minikubelet.probes.hints import hints_of
from minikubelet.probes.trace import Step


def report(examined: Sequence[Examined]) -> dict[str, Any]:
    failed = sum(not item.attempt.succeeded for item in examined)
    return {
        "probes": [_probe(item) for item in examined],
        "succeeded": len(examined) - failed,
        "failed": failed,
    }


def _probe(examined: Examined) -> dict[str, Any]:
    attempt = examined.attempt
    target, result = attempt.target, attempt.result
    kind, meta = target.probe.kind, target.pod.metadata
    return {
        "pod": meta.name,
        "namespace": meta.namespace,
        "container": target.container.name,
        "kind": kind,
        "probe": handler_text(target),
        "timeoutSeconds": target.probe.timeout_seconds,
        "outcome": "error" if result.error else result.outcome,
        "success": attempt.succeeded,
        "seconds": _rounded(attempt.seconds),
        "marginSeconds": _rounded(attempt.margin_seconds),
        "output": result.output,
        "error": result.error,
        "detail": result.detail,
        "event": probe_event_text(kind, result.outcome, result.output, result.error),
        "steps": [_step(step) for step in attempt.steps],
        "looks": [_look(look) for look in examined.looks],
        "hints": [{"name": hint.name, "text": hint.text} for hint in hints_of(examined)],
    }


def _step(step: Step) -> dict[str, Any]:
    facts = dataclasses.asdict(step.fact)
    return {
        "atSeconds": _rounded(step.at_seconds),
        "step": type(step.fact).__name__,
        **{_camel(key): _plain(value) for key, value in facts.items()},
    }


def _look(look: Look) -> dict[str, Any]:
    return {
        "changed": look.kind,
        "value": look.value,
        "success": look.attempt.succeeded,
        "seconds": _rounded(look.attempt.seconds),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, dict):
        return {_camel(key): _plain(item) for key, item in value.items()}
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _rounded(seconds: float) -> float:
    return round(seconds, 6)
