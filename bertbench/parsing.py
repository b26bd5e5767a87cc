"""Converts JSON values to frozen dataclasses; errors name the place."""

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError

from bertbench.errors import InputError
from bertbench.files import read_json

T = TypeVar("T")

AGAIN = "make the results again"
Finite = FiniteFloat
Positive = Annotated[
    float, Field(ge=1e-15, le=1e15)
]  # rates and times; dividing two of them does not overflow
NonNegative = Annotated[float, Field(ge=0, le=1e15)]
Count = Annotated[int, Field(ge=0, le=10**15)]
PositiveCount = Annotated[int, Field(ge=1, le=10**15)]


def check_version(values: Any, place: str, expected: int, remedy: str = AGAIN) -> dict[str, Any]:
    """Return `values` if they are a JSON object of the expected schema version.

    Raises:
      InputError: they are not; the message begins with `place` and ends with `remedy`.
    """
    if not isinstance(values, dict):
        raise InputError(f"{place}: is not a JSON object; {remedy}.")
    version = values.get("schema_version")
    if version != expected or isinstance(version, bool):
        raise InputError(
            f"{place}: schema_version is {version!r}, this bertbench reads {expected}; "
            f"{remedy} or use the version that made them."
        )
    return values


def parse_dataclass(cls: type[T], values: Any, place: str, remedy: str = AGAIN) -> T:
    """Make a `cls` from JSON values; keys without a field are ignored, and no type is converted into another.

    Raises:
      InputError: a key is missing or its value does not fit; the message begins with `place`.
    """
    try:
        return _adapter(cast(Any, cls)).validate_json(json.dumps(values), strict=True)
    except RecursionError:
        raise InputError(f"{place}: is nested too deeply; make the results again.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise InputError(f"{place}: {_describe(first, remedy)}") from None


def read_state(cls: type[T], path: Path, remedy: str) -> T:
    """Read a JSON file of a command's state.

    Args:
      cls: a dataclass, or a type such as `dict[str, int]`; remedy: advice if the file is damaged.

    Raises:
      InputError: the file cannot be read or has other contents.
    """
    return parse_dataclass(cls, read_json(path), str(path), remedy)


@functools.cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _describe(error: Mapping[str, Any], remedy: str) -> str:
    *parents, last = error["loc"] or ("the value",)
    if error["type"] == "missing" and isinstance(last, str):
        within = f"{_join(parents)}: " if parents else ""
        return f"{within}key {last!r} is missing; {remedy}."
    if error["type"] == "missing":
        return f"{_join(error['loc'])} is missing; {remedy}."
    value = repr(error["input"])
    shown = value if len(value) <= 40 else f"{value[:37]}..."
    return (
        f"{_join((*parents, last))} is {shown}; {error['msg'].replace('Input should', 'it must')}; {remedy}."
    )


def _join(location: Sequence[int | str]) -> str:
    """The location as text, such as `cases[0].efficiency`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return "".join(steps).removeprefix(".")
