"""Why a patch cannot be applied.

Role: the errors of this package, with the texts that the API gives them. Pure.
Upstream: k8s.io/apimachinery pkg/util/managedfields, for the texts of conflicts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar

from minikubelet.value_class import dataclass

P = ParamSpec("P")
R = TypeVar("R")


class PatchError(Exception):
    """The patch is malformed (400 BadRequest) or does not fit the object (422 Invalid)."""

    def __init__(self, message: str, *, invalid: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.invalid = invalid


class PatchTooLargeError(PatchError):
    """More operations than a patch may have (413 RequestEntityTooLarge)."""


def refuse_deep_nesting(patch: Callable[P, R]) -> Callable[P, R]:
    """Make nesting beyond what this interpreter can follow an error of the client."""

    @wraps(patch)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return patch(*args, **kwargs)
        except RecursionError:
            raise PatchError("error decoding patch: it is nested too deeply") from None

    return guarded


@dataclass(frozen=True, slots=True, order=True)
class FieldConflict:
    """Somebody else owns a field and has set it to something else."""

    manager: str
    field: str
    """As `.spec.containers[name="app"].image`."""
    updated_with: str = ""
    """The apiVersion of an owner by update; empty for one who applied."""
    subresource: str = ""

    @property
    def owner(self) -> str:
        text = json.dumps(self.manager, ensure_ascii=False)
        if self.subresource:
            text += f" with subresource {json.dumps(self.subresource, ensure_ascii=False)}"
        return f"{text} using {self.updated_with}" if self.updated_with else text


class ApplyConflict(Exception):  # noqa: N818 - as Kubernetes says it
    """Fields belong to others (409 Conflict)."""

    def __init__(self, conflicts: Iterable[FieldConflict]) -> None:
        self.conflicts = tuple(sorted(conflicts))
        self.message = _message(self.conflicts)
        super().__init__(self.message)

    @property
    def causes(self) -> list[dict[str, str]]:
        """For `details.causes` of the Status."""
        return [
            {
                "reason": "FieldManagerConflict",
                "message": f"conflict with {conflict.owner}",
                "field": conflict.field,
            }
            for conflict in self.conflicts
        ]


def _message(conflicts: tuple[FieldConflict, ...]) -> str:
    if len(conflicts) == 1:
        only = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {only.owner}: {only.field}"
    lines: list[str] = []
    for owner in dict.fromkeys(conflict.owner for conflict in conflicts):
        lines.append(f"conflicts with {owner}:")
        lines += [f"- {conflict.field}" for conflict in conflicts if conflict.owner == owner]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
