"""How one kind differs from the others, as a value of functions.

Role: the seam between the verbs, which treat all kinds alike, and the rules of a kind.
Invariants: the functions change nothing and return documents of their own. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minikubelet.apiserver.metadata import validate_metadata
from minikubelet.manifest.fieldpath import FieldError
from minikubelet.manifest.findings import Finding
from minikubelet.manifest.json_tree import Json
from minikubelet.value_class import dataclass

Others = Callable[[], Iterable[Json]]
"""The other objects of the kind, of all namespaces."""


def _same(document: Json) -> Json:
    return document


def _no_status(document: Json) -> Json | None:
    return None


def _anything(new: Json, old: Json) -> Iterable[FieldError]:
    return ()


def _as_it_is(new: Json, old: Json | None, others: Others) -> Json:
    return new


def _no_clashes(document: Json, others: Others) -> Iterable[FieldError]:
    return ()


def _no_findings(document: Json) -> Iterable[Finding]:
    return ()


def _no_warnings(document: Json) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    complete: Callable[[Json], Json] = _same
    """Fills in the defaults; the argument may be changed and returned."""
    admit: Callable[[Json, Json | None, Others], Json] = _as_it_is
    """Fills in what depends on more than the object: the old one, None for a new object, and the
    others of its kind. After `complete`."""
    initial_status: Callable[[Json], Json | None] = _no_status
    """The status of a new object; None for none."""
    validate: Callable[[Json], Iterable[FieldError]] = validate_metadata
    """Errors of a new object."""
    validate_update: Callable[[Json, Json], Iterable[FieldError]] = _anything
    """Errors of a change, from the new and the old object; those of `metadata` come besides."""
    clashes: Callable[[Json, Others], Iterable[FieldError]] = _no_clashes
    """Errors of an object beside the others of its kind."""
    revalidates: bool = True
    """Whether a changed object has to pass `validate` too."""
    findings: Callable[[Json], Iterable[Finding]] = _no_findings
    """What does not work here: errors refuse, warnings are told."""
    warnings: Callable[[Json], Iterable[str]] = _no_warnings
    """What upstream warns of in a new object, which it takes all the same."""
    has_status: bool = False
    """Clients write the status through the subresource alone (K-24)."""
    counts_generation: bool = False
    creates_on_update: bool = False
    """A PUT of an object that is not there makes it."""
    returned_on_delete: bool = False
    """Whether a deletion answers with the object rather than with a Status."""
