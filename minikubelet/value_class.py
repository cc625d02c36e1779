"""`dataclass`, at a tenth of what its import costs.

Role: the standard decorator writes and compiles six functions for each frozen class, which was half
of the time until `run` had imported what it needs. Here the functions that compare, hash and print
are shared closures, and `__init__` is compiled when the first instance is made: most classes of a
process never see one.
Invariants: a class behaves as the standard decorator's would, and is one to `fields()`,
`replace()`, `asdict()`, `match`, `copy` and `pickle`. What cannot be told apart cheaply (`order`,
classes without slots) is left to the standard decorator.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

_POST_INIT = "__post_init__"

if TYPE_CHECKING:  # a type checker knows the standard one by heart
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, order=False, kw_only=False):
        """As `dataclasses.dataclass`."""

        def decorate(cls):
            if order or not slots:
                return dataclasses.dataclass(
                    frozen=frozen, slots=slots, eq=eq, order=order, kw_only=kw_only
                )(cls)
            if cls.__doc__ is None:
                cls.__doc__ = cls.__name__  # else the standard one derives it from a signature
            made = dataclasses.dataclass(
                init=False, repr=False, eq=False, slots=True, kw_only=kw_only
            )(cls)
            _complete(made, frozen=frozen, eq=eq)
            return made

        return decorate if cls is None else decorate(cls)


def _complete(cls: Any, *, frozen: bool, eq: bool) -> None:
    own = cls.__dict__
    fields = dataclasses.fields(cls)
    if "__init__" not in own:
        cls.__init__ = _init_on_demand(cls, fields, frozen)
    if "__repr__" not in own:
        cls.__repr__ = _repr(tuple(field.name for field in fields if field.repr))
    if eq:
        values = _values([field.name for field in fields if field.compare])
        if "__eq__" not in own:
            cls.__eq__ = _eq(values)
        if own.get("__hash__") is None:
            cls.__hash__ = _hash(values) if frozen else None
    if frozen:
        _guard(cls, frozenset(field.name for field in fields))
        cls.__getstate__ = _get_state
        cls.__setstate__ = _set_state


def _init_on_demand(cls: Any, fields: Iterable[Field[Any]], frozen: bool) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **named: Any) -> None:  # noqa: N807
        made = _compiled_init(cls, fields, frozen)
        cls.__init__ = made
        made(self, *args, **named)

    return __init__


def _compiled_init(cls: Any, fields: Iterable[Field[Any]], frozen: bool) -> Callable[..., None]:
    """What the standard decorator would have written."""
    known: dict[str, Any] = {"_set": object.__setattr__, "_absent": MISSING}
    positional = ["self"]
    named: list[str] = []
    lines: list[str] = []
    for field in fields:
        name = field.name
        value = name if field.init else f"_default_{name}"
        default = ""
        if field.default is not MISSING:
            known[f"_default_{name}"] = field.default
            default = f"=_default_{name}"
        elif field.default_factory is not MISSING:
            known[f"_make_{name}"] = field.default_factory
            default = "=_absent"
            value = f"_make_{name}()"
            if field.init:
                value = f"{value} if {name} is _absent else {name}"
        if field.init:
            (named if field.kw_only else positional).append(name + default)
        elif not default:
            continue  # left unset, as the standard decorator does
        lines.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, _POST_INIT):
        lines.append(f"self.{_POST_INIT}()")
    parameters = ", ".join([*positional, *(["*", *named] if named else [])])
    body = "\n ".join(lines or ["pass"])
    exec(f"def __init__({parameters}):\n {body}", known)
    init: Callable[..., None] = known["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"  # TypeErrors of a wrong call name it
    return init


def _values(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """The values of these attributes, always as a tuple."""
    match names:
        case []:
            return lambda self: ()
        case [name]:
            value = attrgetter(name)
            return lambda self: (value(self),)
        case _:
            return attrgetter(*names)


def _repr(names: tuple[str, ...]) -> Callable[[Any], str]:
    @recursive_repr("...")
    def __repr__(self: Any) -> str:  # noqa: N807
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({values})"

    return __repr__


def _eq(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any, object], Any]:
    def __eq__(self: Any, other: object) -> Any:  # noqa: N807
        if other.__class__ is self.__class__:
            return values(self) == values(other)
        return NotImplemented

    return __eq__


def _hash(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], int]:
    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return __hash__


def _guard(cls: Any, names: frozenset[str]) -> None:
    def __setattr__(self: Any, name: str, value: object) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    cls.__setattr__ = __setattr__
    cls.__delattr__ = __delattr__


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
