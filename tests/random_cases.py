"""Thousands of random cases at a few microseconds a draw, and the smallest that fails.

Role: what `hypothesis` does, for pure functions that are checked so often that its own work (4 ms
a case) would be nearly all of the time. A case is made from a `Draw`, which notes the number of
each choice; a case that fails is made again from fewer and lower numbers until none of these fails.
Invariants: the same numbers make the same case; where they run out every choice is the first one.
Each run of the tests draws other cases; what fails is told with the numbers that make it again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
_SHRINKS = 2000


class Draw:
    """The choices of one case: those given, then random ones, or the first one of each."""

    __slots__ = ("_given", "_random", "numbers")

    def __init__(self, given: Sequence[int] = (), rng: random.Random | None = None) -> None:
        self._given = given
        self._random = None if rng is None else rng.random
        self.numbers: list[int] = []

    def number(self, low: int, high: int) -> int:
        """Both inclusive; the lowest is the simplest."""
        count = high - low + 1
        if self._random is not None:
            number = int(self._random() * count)
        elif len(self.numbers) < len(self._given):
            number = min(self._given[len(self.numbers)], count - 1)
        else:
            number = 0
        self.numbers.append(number)
        return low + number

    def one_of(self, values: Sequence[T]) -> T:
        """The first is the simplest."""
        return values[self.number(0, len(values) - 1)]

    def flag(self) -> bool:
        return self.number(0, 1) == 1

    def times(self, most: int, *, least: int = 0) -> Iterator[None]:
        """As often as is drawn; asked before each turn, so that one of them can be left out."""
        for turn in range(most):
            if turn >= least and self.number(0, most) == 0:
                return
            yield None


def any_case(
    make: Callable[[Draw], T], *, cases: int, seed: int | None = None
) -> Callable[[Callable[[T], None]], Callable[[], None]]:
    """A test that its property holds for so many random cases."""

    def decorate(holds: Callable[[T], None]) -> Callable[[], None]:
        def test() -> None:
            rng = random.Random(random.randrange(2**32) if seed is None else seed)
            for _ in range(cases):
                draw = Draw(rng=rng)
                case = make(draw)
                try:
                    holds(case)
                except Exception:
                    _tell_smallest(make, holds, draw.numbers)
                    raise

        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(test, name, getattr(holds, name))
        return test

    return decorate


def _tell_smallest(
    make: Callable[[Draw], T], holds: Callable[[T], None], failing: list[int]
) -> None:
    numbers = smallest(failing, lambda tried: _fails(make, holds, tried))
    case = make(Draw(numbers))
    try:
        holds(case)
    except Exception as error:
        error.add_note(f"the smallest case that fails, Draw({numbers}):\n{case!r}")
        raise


def _fails(make: Callable[[Draw], T], holds: Callable[[T], None], numbers: list[int]) -> bool:
    try:
        holds(make(Draw(numbers)))
    except Exception:
        return True
    return False


def smallest(numbers: list[int], fails: Callable[[list[int]], bool]) -> list[int]:
    """Fewer and lower numbers that still fail, when none that is a step away from them does."""
    for _ in range(_SHRINKS):
        for tried in _smaller(numbers):
            if fails(tried):
                numbers = tried
                break
        else:
            break
    return numbers


def _smaller(numbers: list[int]) -> Iterator[list[int]]:
    """The shorter ones first."""
    length = len(numbers)
    for size in range(length, 0, -1):
        for start in range(length - size, -1, -1):
            yield numbers[:start] + numbers[start + size :]
    for place, number in enumerate(numbers):
        for lower in sorted({0, number // 2, number - 1}) if number else ():
            yield [*numbers[:place], lower, *numbers[place + 1 :]]
