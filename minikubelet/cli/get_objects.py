"""Whole objects as `get -o` prints them: JSON, YAML, names, parts by JSONPath. Pure."""

from __future__ import annotations

import re
from typing import Any

from minikubelet.cli.jsonpath import JsonPathError, find, render
from minikubelet.cli.object_text import json_text, without_managed_fields
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.object_yaml import yaml_text

_JSONPATH = "jsonpath="
_AS_JSON = "jsonpath-as-json="
_BLOCKS = re.compile(r"\{([^{}]+)\}")


def objects_text(document: Json, output: str, *, sort_by: str, managed_fields: bool) -> str:
    """An object or a list of them; raises JsonPathError."""
    if not managed_fields:
        document = without_managed_fields(document)
    if sort_by and _is_list(document):
        items = sorted(document["items"], key=lambda item: sort_key(item, sort_by))
        document = document | {"items": items}
    match output:
        case "name":
            items = document["items"] if _is_list(document) else [document]
            return "".join(f"{name_of(item)}\n" for item in items)
        case "json":
            return json_text(document)
        case "yaml":
            return yaml_text(document)
        case _ if output.startswith(_AS_JSON):
            return _as_json(output.removeprefix(_AS_JSON), document)
        case _:
            return render(output.removeprefix(_JSONPATH), document)


def _as_json(template: str, document: Json) -> str:
    """The values at each path as a JSON list."""
    paths = _BLOCKS.findall(template)
    if "{" not in template:
        paths = [template]
    elif _BLOCKS.sub("", template).strip() or any(path.startswith("range") for path in paths):
        raise JsonPathError("jsonpath-as-json takes paths only: {.metadata.name}{.status.podIP}")
    return "".join(json_text(find(path, document)) for path in paths)


def name_of(document: Json) -> str:
    """`pod/web`, `job.batch/pi`."""
    group, _, _ = str(document.get("apiVersion", "")).rpartition("/")
    kind = str(document.get("kind", "")).lower()
    name = (document.get("metadata") or {}).get("name", "")
    return f"{kind}.{group}/{name}" if group else f"{kind}/{name}"


def _is_list(document: Json) -> bool:
    return isinstance(document.get("items"), list) and str(document.get("kind")).endswith("List")


def _items(answers: list[Json]) -> list[Json]:
    """The objects; those of a list get their kind from it."""
    items: list[Json] = []
    for answer in answers:
        if not _is_list(answer):
            items.append(answer)
            continue
        kind = {
            "apiVersion": answer.get("apiVersion"),
            "kind": str(answer["kind"]).removesuffix("List"),
        }
        items += [kind | item for item in answer["items"]]
    return items


def as_list(answers: list[Json]) -> Json:
    """All objects of some answers, as kubectl prints several."""
    return {
        "apiVersion": "v1",
        "items": _items(answers),
        "kind": "List",
        "metadata": {"resourceVersion": ""},
    }


def sort_key(document: Json, path: str) -> tuple[int, Any]:
    """Objects without the field first, then numbers, then text; raises JsonPathError."""
    found = find(path.strip("{}"), document)
    if not found or found[0] is None:
        return (0, 0)
    value = found[0]
    return (1, value) if isinstance(value, (int, float)) else (2, str(value))
