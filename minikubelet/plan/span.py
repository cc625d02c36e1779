"""From when to when: the bounds of a figure that depends on the app. Pure.

Role: spans of seconds and their sums.
Invariants: `earliest` ≤ `latest`; `latest` is None where nothing bounds it, such as a hook's end.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikubelet.pod.durations import go_duration
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds; `Span(2, 2)` is a moment that is known."""

    earliest: float = 0.0
    latest: float | None = 0.0

    def __add__(self, other: Span) -> Span:
        return Span(self.earliest + other.earliest, add_bounds(self.latest, other.latest))

    def __str__(self) -> str:
        if self.latest is None:
            return f"{go_duration(self.earliest)}…∞"
        if self.earliest == self.latest:
            return go_duration(self.earliest)
        return f"{go_duration(self.earliest)}…{go_duration(self.latest)}"


ANY_TIME = Span(0.0, None)


def add_bounds(*bounds: float | None) -> float | None:
    """The sum; None when one of them is unbounded."""
    total = 0.0
    for bound in bounds:
        if bound is None:
            return None
        total += bound
    return total


def latest_of(bounds: Iterable[float | None]) -> float | None:
    """The largest bound; 0 of none, None when one of them is unbounded."""
    largest = 0.0
    for bound in bounds:
        if bound is None:
            return None
        largest = max(largest, bound)
    return largest


def all_of(spans: Iterable[Span]) -> Span:
    """When the last of several things has happened."""
    spans = tuple(spans)
    return Span(
        max((span.earliest for span in spans), default=0.0),
        latest_of(span.latest for span in spans),
    )


def any_of(*spans: Span) -> Span:
    """When one of two things happens, whichever it is."""
    return Span(min(span.earliest for span in spans), latest_of(span.latest for span in spans))
