"""The quick decorator against the standard one: nobody can tell their classes apart."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from pathlib import Path
from typing import Any

import pytest

import minikubelet
from minikubelet.value_class import dataclass

Make = Callable[..., Any]


def _classes(decorate: Make) -> tuple[Any, Any, Any, Any]:
    @decorate(frozen=True, slots=True)
    class Point:
        """Two numbers."""

        x: int
        y: int = 2
        tags: list[str] = field(default_factory=list)
        secret: str = field(default="s", repr=False, compare=False)
        fixed: int = field(default=7, init=False)

    @decorate(frozen=True, slots=True, kw_only=True)
    class Named:
        name: str = "n"
        size: int

    @decorate(slots=True)
    class Counter:
        count: int = 0

        def __post_init__(self) -> None:
            self.count += 1

    @decorate(frozen=True, slots=True)
    class Wide(Point):
        z: int = 3

        def __repr__(self) -> str:
            return "wide"

    return Point, Named, Counter, Wide


QUICK = _classes(dataclass)
STANDARD = _classes(dataclasses.dataclass)


@dataclass(frozen=True, slots=True)
class Kept:
    """At module level, where pickle finds it."""

    value: int
    children: tuple[Kept, ...] = ()


def _outcome(work: Callable[[], object]) -> object:
    try:
        return work()
    except Exception as error:
        return type(error), str(error).replace("'", "")


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda p, n, c, w: repr(p(1)), id="repr"),
        pytest.param(lambda p, n, c, w: repr(w(1)), id="an own repr stays"),
        pytest.param(lambda p, n, c, w: repr(n(size=1)), id="keywords in any order"),
        pytest.param(lambda p, n, c, w: n("n", size=1), id="keywords only"),
        pytest.param(lambda p, n, c, w: p(), id="too few arguments"),
        pytest.param(lambda p, n, c, w: p(1, 2, [], "s", 7), id="a field that is not an argument"),
        pytest.param(lambda p, n, c, w: p(1, nope=2), id="an unknown argument"),
        pytest.param(lambda p, n, c, w: c().count, id="post-init"),
        pytest.param(lambda p, n, c, w: p(1) == p(1, secret="t"), id="not compared"),
        pytest.param(lambda p, n, c, w: p(1) == p(2), id="different"),
        pytest.param(lambda p, n, c, w: p(1) == w(1), id="a subclass is another thing"),
        pytest.param(lambda p, n, c, w: c(1) == c(1), id="one field"),
        pytest.param(lambda p, n, c, w: hash(p(1, 2, ())) == hash((1, 2, (), 7)), id="hash"),
        pytest.param(lambda p, n, c, w: hash(n(size=1)) == hash(("n", 1)), id="hash of keywords"),
        pytest.param(lambda p, n, c, w: hash(p(1)), id="hash of a list"),
        pytest.param(lambda p, n, c, w: c.__hash__, id="what changes has no hash"),
        pytest.param(lambda p, n, c, w: setattr(p(1), "x", 2), id="assign"),
        pytest.param(lambda p, n, c, w: setattr(w(1), "x", 2), id="assign to what is inherited"),
        pytest.param(lambda p, n, c, w: delattr(p(1), "x"), id="delete"),
        pytest.param(lambda p, n, c, w: asdict(w(1)), id="asdict"),
        pytest.param(lambda p, n, c, w: repr(replace(p(1), x=5)), id="replace"),
        pytest.param(lambda p, n, c, w: replace(p(1), fixed=5), id="replace what is fixed"),
        pytest.param(lambda p, n, c, w: [f.name for f in fields(w)], id="fields"),
        pytest.param(lambda p, n, c, w: (p.__match_args__, n.__match_args__), id="match"),
        pytest.param(lambda p, n, c, w: (p.__slots__, w.__slots__), id="slots"),
        pytest.param(lambda p, n, c, w: p.__doc__, id="a docstring stays"),
        pytest.param(lambda p, n, c, w: p(1).tags is p(1).tags, id="a default of one's own"),
        pytest.param(lambda p, n, c, w: repr(copy.deepcopy(w(1))), id="deep copy"),
    ],
)
def test_a_class_behaves_as_of_the_standard_decorator(use: Callable[..., object]) -> None:
    assert _outcome(lambda: use(*QUICK)) == _outcome(lambda: use(*STANDARD))


def test_a_frozen_value_survives_pickle_and_copy() -> None:
    value = Kept(1, (Kept(2),))
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.copy(value) == value


def test_a_frozen_value_stays_as_it_is() -> None:
    value = Kept(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'value'"):
        value.value = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'other'"):
        value.other = 2  # type: ignore[attr-defined]
    assert value.value == 1


def test_no_code_is_compiled_before_the_first_instance() -> None:
    @dataclass(frozen=True, slots=True)
    class Rare:
        value: int

    assert Rare.__init__.__code__.co_varnames[1:] == ("args", "named", "made")
    assert Rare(1).value == 1
    assert Rare.__init__.__code__.co_varnames == ("self", "value")


def test_the_package_uses_the_cheap_one() -> None:
    package = Path(minikubelet.__file__).parent
    dear = re.compile(r"^from dataclasses import .*\bdataclass\b", re.MULTILINE)
    found = {
        path.relative_to(package)
        for path in package.rglob("*.py")
        if dear.search(path.read_text(encoding="utf-8"))
    }
    # The shim imports next to nothing of the package.
    others = {path for path in found if path.parts[:2] != ("runtime", "shim")}
    assert others <= {Path("value_class.py")}
