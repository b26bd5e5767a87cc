"""JSON values into frozen dataclasses, with the place of whatever does not fit."""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from bertbench.errors import InputError

T = TypeVar("T")


def parse_dataclass(cls: type[T], values: Any, place: str) -> T:
    """Make a `cls` of a JSON object; keys without a field are ignored.

    Fields may be str, int, float, bool, Any, dataclasses, Mapping and tuples of those, and `... | None`.

    Raises:
      InputError: a key is missing or its value has the wrong type; the message begins with `place`.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{place}: is {_show(values)}; it must be a JSON object.")
    arguments = {}
    for name, hint, required in _fields(cls):
        if name in values:
            arguments[name] = _parse(hint, values[name], f"{place}: {name}")
        elif required:
            raise InputError(f"{place}: key {name!r} is missing; make the results again.")
    return cls(**arguments)


@functools.cache
def _fields(cls: type) -> tuple[tuple[str, Any, bool], ...]:
    hints = typing.get_type_hints(cls)
    return tuple(
        (field.name, hints[field.name], field.default is dataclasses.MISSING)
        for field in dataclasses.fields(cls)
    )


def _parse(hint: Any, value: Any, place: str) -> Any:
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return parse_dataclass(hint, value, place)
    origin = typing.get_origin(hint)
    if origin is types.UnionType:  # of a type and None
        return None if value is None else _parse(typing.get_args(hint)[0], value, place)
    if origin is tuple and isinstance(value, list):
        item = typing.get_args(hint)[0]
        return tuple(_parse(item, entry, f"{place}[{index}]") for index, entry in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        item = typing.get_args(hint)[1]
        return {key: _parse(item, entry, f"{place}.{key}") for key, entry in value.items()}
    if hint is float and _is_finite_number(value):
        return float(value)
    if hint in (int, str) and isinstance(value, hint) and not isinstance(value, bool):
        return value
    if hint is bool and isinstance(value, bool):
        return value
    raise InputError(f"{place} is {_show(value)}; it must be {_describe(hint)}.")


def _is_finite_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _describe(hint: Any) -> str:
    names = {int: "an integer", float: "a finite number", str: "a string", bool: "true or false"}
    return names.get(hint) or ("a list" if typing.get_origin(hint) is tuple else "a JSON object")


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
