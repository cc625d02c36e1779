"""What the writer of an unknown field may have meant.

Role: the nearest name by spelling, and the place where a field of that name belongs.
Invariants: pure; work is bounded by the schema, not by the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.schema import Field, Schema
from minikubelet.value_class import dataclass

_MAX_NAME = 60
_MAX_DESCENT = 3
# Written by the cluster, or of no use in a manifest: nothing belongs there.
_NO_HOME = frozenset({"status", "managedFields", "ownerReferences", "ephemeralContainers"})
# Words of docker and compose.
_SYNONYMS = {
    "environment": "env",
    "envVars": "env",
    "entrypoint": "command",
    "cmd": "args",
    "healthcheck": "livenessProbe",
    "expose": "ports",
    "restart": "restartPolicy",
    "mounts": "volumeMounts",
}
# Where the entries belong that stand beside the maps they were meant for.
_MAPS = {
    "meta.ObjectMeta": "labels or annotations",
    "core.ResourceRequirements": "limits or requests",
    "core.ConfigMap": "data",
    "core.Secret": "stringData",
}


@dataclass(frozen=True, slots=True)
class Level:
    """One object on the way down to the unknown field: its message, its path and its content."""

    message: str
    path: FieldPath
    content: object


@dataclass(frozen=True, slots=True)
class _Place:
    """A message somewhere in the schema, as a path of it and as one of the document."""

    message: str
    path: FieldPath
    concrete: FieldPath
    content: object
    """None where the document has nothing of this kind."""


def nearest_name(name: str, candidates: Iterable[str]) -> str:
    """The candidate that is spelled most like `name`; empty when none is like it."""
    if len(name) > _MAX_NAME:
        return ""
    known = list(candidates)
    plain = _plain(name)
    for candidate in known:
        if _plain(candidate) == plain:
            return candidate
    if _SYNONYMS.get(name) in known:
        return _SYNONYMS[name]
    limit = max(1, len(name) // 3)
    ranked = sorted(
        (distance, index)
        for index, candidate in enumerate(known)
        if (distance := edit_distance(plain, _plain(candidate), limit)) <= limit
    )
    return known[ranked[0][1]] if ranked else ""


def edit_distance(one: str, other: str, limit: int) -> int:
    """Insertions, deletions, replacements and swaps of neighbours; at most `limit` + 1."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    previous = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        current = [i]
        for j, b in enumerate(other, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        before, previous = previous, current
    return min(previous[-1], limit + 1)


def suggest_field(schema: Schema, levels: Sequence[Level], name: str) -> str:
    """What to do about the unknown field `name` of the last level; empty for no idea."""
    own_names = schema.fields(levels[-1].message)
    if name.startswith("-") and name[1:] in own_names:
        return f'write "- {name[1:]}" with a blank after the dash'
    own = nearest_name(name, own_names)
    if own and _is_slip(name, own):
        return f'did you mean "{own}"?'
    if home := _find_home(schema, levels, name):
        return home
    if own:
        return f'did you mean "{own}"?'
    maps = _MAPS.get(levels[-1].message)
    return f"put it below {maps}" if maps else ""


def _is_slip(name: str, own: str) -> bool:
    """Whether `own` is so near that the field is not looked for elsewhere."""
    return _plain(name) == _plain(own) or (
        len(name) >= 4 and edit_distance(_plain(name), _plain(own), 1) == 1
    )


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


def _find_home(schema: Schema, levels: Sequence[Level], name: str) -> str:
    """Below the object itself, then in those around it and below them, the nearest first."""
    for level in reversed(levels):
        start = _Place(level.message, level.path, level.path, level.content)
        if name in schema.fields(level.message):
            return _advice([start], name)
        seen = {level.message}
        places = [start]
        for _ in range(_MAX_DESCENT):
            below = (step for place in places for step in _below(schema, place))
            places = [step for step in below if step.message not in seen]
            seen.update(place.message for place in places)
            homes = [place for place in places if name in schema.fields(place.message)]
            if homes:
                return _advice(homes, name)
    return ""


def _below(schema: Schema, place: _Place) -> Iterator[_Place]:
    for field in schema.fields(place.message).values():
        if field.is_message and field.name not in _NO_HOME and "{}" not in field.shape:
            yield _step(place, field)


def _step(place: _Place, field: Field) -> _Place:
    path, concrete = place.path.child(field.name), place.concrete.child(field.name)
    content = place.content.get(field.name) if isinstance(place.content, dict) else None
    if field.shape == "[]":
        path, concrete = path.key("…"), concrete.index(0)
        content = content[0] if isinstance(content, list) and content else None
    return _Place(field.type, path, concrete, content)


def _advice(homes: Sequence[_Place], name: str) -> str:
    written = [home for home in homes if home.content is not None]
    if written:
        home = next((home for home in written if _is_container(home)), written[0])
        where = str(home.path) if home.path.parts else "the top level"
        return f"it belongs in {where} (as {home.concrete.child(name)})"
    if len(homes) == 1 and homes[0].path == homes[0].concrete:
        return f"it belongs in {homes[0].path} (as {homes[0].path.child(name)})"
    shown = [home for home in homes if _is_container(home)] or homes[:3]
    *others, last = (str(home.path) for home in shown)
    return f"it belongs in {', '.join(others)} or {last}" if others else f"it belongs in {last}"


def _is_container(place: _Place) -> bool:
    return place.path.parts[-2:] == (".containers", "[…]")
