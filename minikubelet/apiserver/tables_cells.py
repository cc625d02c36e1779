"""What cells of several kinds have in common: ages, lists, labels, ports.

Role: text of one cell from a part of a document. Pure; a part that is missing is `{}` or `[]`.
Upstream: kubernetes pkg/printers/internalversion and apimachinery FormatLabels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from minikubelet.manifest.json_tree import Json
from minikubelet.pod.printer import age_text, parse_time
from minikubelet.value_class import dataclass

NONE = "<none>"
UNKNOWN = "<unknown>"
_SHOWN = 3
"""Of endpoints and their ports: the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `wide` ones show with `-o wide` only (K-61)."""

    name: str
    description: str
    type: str = "string"
    format: str = ""
    wide: bool = False

    def definition(self) -> Json:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": int(self.wide),
        }


NAME = Column("Name", "Unique among the objects of its kind in its namespace.", format="name")
AGE = Column("Age", "How long ago the object was created.")
CONTAINERS = Column("Containers", "Names of the containers in the Pod template.", wide=True)
IMAGES = Column("Images", "Images of the containers in the Pod template.", wide=True)
SELECTOR = Column("Selector", "Labels by which its Pods are found.", wide=True)


def part(document: Mapping[str, Any], *names: str) -> Json:
    """The mapping at a path; empty when there is none."""
    for name in names:
        document = document.get(name) or {}
    return dict(document) if not isinstance(document, dict) else document


def since(time: datetime | None, now: datetime) -> str:
    return age_text(None if time is None else (now - time).total_seconds())


def age(document: Json, now: datetime) -> str:
    return since(parse_time(part(document, "metadata").get("creationTimestamp")), now)


def name(document: Json) -> str:
    text: str = part(document, "metadata").get("name") or ""
    return text


def or_none(text: str | None) -> str:
    return text or NONE


def joined(words: Iterable[str]) -> str:
    return ",".join(words) or NONE


def labels_text(labels: Mapping[str, str] | None) -> str:
    """`app=web,tier=front` in the order of the keys."""
    return joined(f"{key}={value}" for key, value in sorted((labels or {}).items()))


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """A label selector in the form that `-l` takes."""
    if not selector:
        return NONE
    terms = [(key, f"{key}={value}") for key, value in part(selector, "matchLabels").items()]
    terms += [
        (str(term.get("key")), _expression(term)) for term in selector.get("matchExpressions") or ()
    ]
    return joined(text for _, text in sorted(terms, key=lambda term: term[0]))


def _expression(term: Mapping[str, Any]) -> str:
    key, values = term.get("key"), ",".join(sorted(term.get("values") or ()))
    match term.get("operator"):
        case "Exists":
            return f"{key}"
        case "DoesNotExist":
            return f"!{key}"
        case "NotIn":
            return f"{key} notin ({values})"
        case _:
            return f"{key} in ({values})"


def template_containers(document: Json) -> tuple[str, str]:
    """Containers and Images of the Pod template, `spec.template` of the document."""
    containers = part(document, "spec", "template", "spec").get("containers") or ()
    names = ",".join(container.get("name", "") for container in containers)
    return names, ",".join(container.get("image", "") for container in containers)


def condition_is_true(document: Json, type: str) -> bool:
    conditions = part(document, "status").get("conditions") or ()
    return any(c.get("type") == type and c.get("status") == "True" for c in conditions)


def first_few(entries: Sequence[str], empty: str) -> str:
    """The first three; of more their number."""
    shown = ",".join(entries[:_SHOWN])
    if len(entries) > _SHOWN:
        return f"{shown} + {len(entries) - _SHOWN} more..."
    return shown or empty


def host_port(host: str, port: int | str) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
