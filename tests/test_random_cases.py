"""The generator of random cases: what it draws, and what it tells of a failure."""

from __future__ import annotations

import random

import pytest

from tests.random_cases import Draw, any_case, smallest


def words(draw: Draw) -> list[str]:
    return [draw.one_of(("a", "b", "c")) for _ in draw.times(6)]


def test_each_choice_and_each_length_is_drawn() -> None:
    rng = random.Random(1)
    drawn = [words(Draw(rng=rng)) for _ in range(500)]
    assert {len(case) for case in drawn} == set(range(7))
    assert {word for case in drawn for word in case} == {"a", "b", "c"}
    assert {Draw(rng=rng).number(3, 5) for _ in range(100)} == {3, 4, 5}
    assert {Draw(rng=rng).flag() for _ in range(100)} == {False, True}
    assert min(len(list(Draw(rng=rng).times(3, least=2))) for _ in range(100)) == 2


def test_the_numbers_of_a_case_make_it_again() -> None:
    first = Draw(rng=random.Random(2))
    case = words(first)
    assert words(Draw(first.numbers)) == case


def test_where_the_numbers_end_every_choice_is_the_first_one() -> None:
    assert words(Draw()) == []
    assert Draw().number(4, 9) == 4
    assert [Draw([7]).one_of("ab"), Draw().flag()] == ["b", False]


def test_it_holds_for_as_many_cases_as_were_asked_for() -> None:
    seen = []

    @any_case(lambda draw: draw.number(1, 1000), cases=300)
    def check(case: int) -> None:
        seen.append(case)

    check()
    assert len(seen) == 300
    assert len(set(seen)) > 100


def test_a_failure_is_told_with_the_smallest_case() -> None:
    @any_case(words, cases=1000, seed=3)
    def check(case: list[str]) -> None:
        """A docstring."""
        assert case.count("c") < 2

    assert (check.__name__, check.__doc__) == ("check", "A docstring.")
    with pytest.raises(AssertionError) as failure:
        check()
    (note,) = failure.value.__notes__
    assert note == "the smallest case that fails, Draw([1, 2, 1, 2]):\n['c', 'c']"
    assert words(Draw([1, 2, 1, 2])) == ["c", "c"]


def test_the_smallest_is_one_from_which_no_step_fails() -> None:
    def fails(numbers: list[int]) -> bool:
        return len(numbers) > 2 and sum(numbers) >= 7

    found = smallest([9, 9, 0, 4, 9, 2], fails)
    assert (len(found), sum(found), min(found) >= 0) == (3, 7, True)
