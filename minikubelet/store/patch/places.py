"""What the field table says of a value inside an object.

Role: steps from an object down to the values that it holds, for patches. Pure.
Invariants: what the table does not know is a place without rules, where values are replaced whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from minikubelet.manifest.schema import Field, load_schema
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands."""

    message: str = ""
    """Of the value, or of what its lists and maps hold in the end; empty for anything else."""
    shape: str = ""
    """What is left of its field's: `[]` list, `{}` map by text, from the outside in."""
    merge_key: str = ""
    strategies: frozenset[str] = frozenset()
    owner: str = ""
    """The message whose field it is; together with `name`."""
    name: str = ""
    optional: bool = False
    """Whether the field may be absent rather than empty."""

    @property
    def is_list(self) -> bool:
        return self.shape.startswith("[]")

    @property
    def is_map(self) -> bool:
        """By any text, such as labels; not an object with known fields."""
        return self.shape.startswith("{}")

    @property
    def merges_list(self) -> bool:
        return self.is_list and "merge" in self.strategies

    def member(self, name: str) -> Place:
        if self.is_map:
            return Place(self.message, self.shape[2:])
        field = None if self.shape else _fields(self.message).get(name)
        if field is None:
            return Place()
        return Place(
            field.type if field.is_message else "",
            field.shape.removeprefix("*"),
            field.merge_key,
            frozenset(field.patch_strategy.split(",")) if field.patch_strategy else frozenset(),
            self.message,
            name,
            field.is_pointer,
        )

    def item(self) -> Place:
        return Place(self.message, self.shape[2:]) if self.is_list else Place()


def _fields(message: str) -> Mapping[str, Field]:
    if not message:
        return {}
    try:
        return load_schema().fields(message)
    except KeyError:
        return {}
