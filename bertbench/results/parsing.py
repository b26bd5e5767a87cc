"""JSON values into frozen dataclasses, with the place of whatever does not fit."""

import dataclasses
import functools
import sys
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from bertbench.errors import InputError

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Between:
    """The smallest and the largest number that a field may hold."""

    low: float
    high: float


Positive = Annotated[float, Between(1e-15, 1e15)]  # of rates and times: two of them divide without overflow
NonNegative = Annotated[float, Between(0, 1e15)]
Count = Annotated[int, Between(0, 10**15)]
PositiveCount = Annotated[int, Between(1, 10**15)]


def parse_dataclass(cls: type[T], values: Any, place: str) -> T:
    """Make a `cls` of a JSON object; keys without a field are ignored.

    Fields may be str, int, float, bool, Any, enumerations of words, dataclasses, Mapping and tuples of those,
    numbers `Between` two others, and `... | None`.

    Raises:
      InputError: a key is missing or its value has the wrong type; the message begins with `place`.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{place}: is {_show(values)}; it must be a JSON object.")
    arguments = {}
    for name, hint, required in _fields(typing.cast(Any, cls)):
        if name in values:
            arguments[name] = _parse(hint, values[name], f"{place}: {name}")
        elif required:
            raise InputError(f"{place}: key {name!r} is missing; make the results again.")
    return cls(**arguments)


@functools.cache
def _fields(cls: type) -> tuple[tuple[str, Any, bool], ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple(
        (field.name, hints[field.name], field.default is dataclasses.MISSING)
        for field in dataclasses.fields(cls)
    )


def _parse(hint: Any, value: Any, place: str) -> Any:
    if hint is Any:
        return value
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return parse_dataclass(hint, value, place)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):  # of a type and None
        return None if value is None else _parse(arguments[0], value, place)
    if origin is tuple and isinstance(value, list):
        if ... not in arguments and len(value) != len(arguments):
            raise InputError(f"{place} has {len(value)} entries; it must have {len(arguments)}.")
        return tuple(_parse(arguments[0], entry, f"{place}[{index}]") for index, entry in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        return {key: _parse(arguments[1], entry, f"{place}.{key}") for key, entry in value.items()}
    if _fits(hint, value):
        return _scalar(hint)(value)
    raise InputError(f"{place} is {_show(value)}; it must be {_describe(hint)}.")


@functools.cache
def _scalar(hint: Any) -> type:
    """The type of a number whose limits `hint` gives, else `hint` itself."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint


def _fits(hint: Any, value: Any) -> bool:
    scalar = _scalar(hint)
    if isinstance(value, bool) or scalar is bool:
        return isinstance(value, bool) and scalar is bool
    if scalar is float:
        low, high = _limits(hint) or (-sys.float_info.max, sys.float_info.max)
        return isinstance(value, int | float) and low <= value <= high
    if scalar is int:
        low, high = _limits(hint) or (value, value)
        return isinstance(value, int) and low <= value <= high
    if isinstance(scalar, type) and issubclass(scalar, StrEnum):
        return value in list(scalar)
    return scalar is str and isinstance(value, str)


@functools.cache
def _limits(hint: Any) -> tuple[float, float] | None:
    return dataclasses.astuple(typing.get_args(hint)[1]) if typing.get_origin(hint) is Annotated else None


def _describe(hint: Any) -> str:
    scalar, limits = _scalar(hint), _limits(hint)
    names = {int: "an integer", float: "a finite number", str: "a string", bool: "true or false"}
    if limits:
        return f"{names[scalar]} from {limits[0]:g} to {limits[1]:g}"
    if isinstance(scalar, type) and issubclass(scalar, StrEnum):
        return f"one of {', '.join(scalar)}"
    return names.get(scalar) or ("a list" if typing.get_origin(hint) is tuple else "a JSON object")


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
