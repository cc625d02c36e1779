"""Validation judges any pod of the right shape, and never breaks on one."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import given
from hypothesis import strategies as st

from minikubelet.manifest.pod import Pod, ProbeKind
from minikubelet.manifest.validate_pod import validate_pod

TEXTS = ("", "a", "A b", "..", "/x", "None", "Always", "metadata.name", "metadata.labels['x']")
QUANTITIES = ("0", "-1", "1500m", "1Gi", "2e3")
RESOURCES = ("cpu", "memory", "hugepages-2Mi", "hugepages-", "a.b/c", "pods", "x y", "")
NUMBERS = (-(2**63), -1, 0, 1, 30, 80, 65536, 2**32, 2**63 - 1)
OF_QUANTITIES = {"limits", "requests", "overhead"}
QUANTITY_FIELDS = {"divisor", "size_limit"}


@functools.cache
def hints_of(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def any_value(hint: Any, rng: random.Random, name: str = "") -> Any:
    """A value of the type `hint`, as wrong as the type allows."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return any_value(rng.choice(args), rng, name)
    if origin is tuple:
        return tuple(any_value(args[0], rng, name) for _ in range(rng.choice((0, 0, 1, 2))))
    if origin is Mapping:
        keys = RESOURCES if name in OF_QUANTITIES else TEXTS
        values = QUANTITIES if name in OF_QUANTITIES else TEXTS
        return {rng.choice(keys): rng.choice(values) for _ in range(rng.choice((0, 1, 3)))}
    if is_dataclass(hint):
        return any_object(hint, rng)
    if hint is str:
        return rng.choice(QUANTITIES if name in QUANTITY_FIELDS else TEXTS)
    if hint is int:
        return rng.choice(NUMBERS)
    if hint is bool:
        return rng.random() < 0.5
    if hint is ProbeKind:
        return rng.choice(tuple(ProbeKind))
    assert hint is NoneType or name.endswith("timestamp"), f"no values for {hint}"
    return None


def any_object(kind: Any, rng: random.Random) -> Any:
    return kind(**{name: any_value(hint, rng, name) for name, hint in hints_of(kind).items()})


@given(seed=st.integers(0, 2**32))
def test_any_pod_is_judged(seed: int) -> None:
    pod: Pod = any_object(Pod, random.Random(seed))
    errors = validate_pod(pod)
    assert errors == validate_pod(pod)
    assert all(": " in str(error) for error in errors)
