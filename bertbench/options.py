"""Settings whose fields describe command-line options: each option is defined once.

A settings class is a frozen dataclass derived from `Settings`. A field annotated with an `Option` is an
option with the same name; the options of a field that contains settings belong to the outer settings. So the
command line and Python callers share names, defaults, ranges and choices.
"""

import dataclasses
import math
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NewType, TypeVar

from bertbench.errors import InputError

GROUPS = ("model", "data", "training", "process", "computing", "output")
Pattern = NewType("Pattern", str)  # comma-separated paths or glob patterns
T = TypeVar("T", bound="Settings")


@dataclass(frozen=True)
class Option:
    """How one value is given on the command line.

    Attributes:
      help: one line, without name, default and range.
      names: its names on the command line, if not the field's name; further ones are aliases.
      minimum, maximum: the range, without its ends if `exclusive`; without a maximum, any finite value.
      choices: the names of the values. parse: converts a name to the value, if that is not a text.
      group: one of `GROUPS`, if not that of the settings.
      only: the commands that have it; empty: every command.
      default_help: what is used without it, if the default is None.
      metavar: the placeholder of the value in the help.
      envvar: an environment variable that also sets it.
      switch: a flag without a `--no-` form.
      positional: an argument without a name.
    """

    help: str = ""
    names: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False
    choices: tuple[str, ...] = ()
    parse: Callable[[str], Any] | None = None
    group: str | None = None
    only: tuple[str, ...] = ()
    default_help: str = ""
    metavar: str | None = None
    envvar: str | None = None
    switch: bool = False
    positional: bool = False

    def require(self, name: str, value: Any) -> None:
        """Check a value.

        Raises:
          InputError: it is not one of the choices, or outside the range.
        """
        if self.choices and self.parse is None and value not in self.choices:
            raise InputError(f"{name} is {value!r}; choose one of {', '.join(self.choices)}.")
        if self.minimum is not None and not self._holds(self.minimum, value):
            raise InputError(f"{name} is {value}; {self._range()}.")

    def _holds(self, low: float, value: float) -> bool:
        high = math.inf if self.maximum is None else self.maximum
        inside = low < value < high if self.exclusive else low <= value <= high
        return inside and value != math.inf

    def _range(self) -> str:
        low, high = self.minimum, self.maximum
        if high is not None:
            ends = f"between {low} and {high}" if self.exclusive else f"in [{low}, {high}]"
            return f"it must be {ends}"
        return f"give a number above {low}" if self.exclusive else f"it must be at least {low}"


@dataclass(frozen=True)
class Settings:
    """Base class of settings; values are checked against their options.

    Attributes:
      option_group: the group of its options.

    Raises:
      InputError: a value is not one of its choices, or outside its range.
    """

    option_group: ClassVar[str] = "computing"

    def __post_init__(self) -> None:
        for field in own_fields(type(self)):
            value = getattr(self, field.name)
            if value is not None and not field.is_part:
                field.option.require(field.name, value)


@dataclass(frozen=True)
class OptionField:
    """One field of a settings class.

    Attributes:
      type: of its value, without None; a `Settings` class for nested settings.
      default: `dataclasses.MISSING` if it must be given.
    """

    name: str
    type: Any
    option: Option
    default: Any
    group: str

    @property
    def is_part(self) -> bool:
        """Whether it contains settings."""
        return isinstance(self.type, type) and issubclass(self.type, Settings)

    def given(self, value: Any) -> tuple[str, ...]:
        """The command-line words that give it a value."""
        if self.option.positional:
            return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)
        if isinstance(value, tuple):
            return tuple(word for part in value for word in (self.words[0], str(part)))
        if isinstance(value, bool):
            return (self.words[0] if value else f"--no-{self.words[0].removeprefix('--')}",)
        return (self.words[0], str(value))

    @property
    def words(self) -> tuple[str, ...]:
        """Its names on the command line."""
        return self.option.names or (f"--{self.name.replace('_', '-')}",)


def own_fields(settings: type[Settings]) -> tuple[OptionField, ...]:
    """The options and nested settings of a settings class, in their order."""
    hints = typing.get_type_hints(settings, include_extras=True)
    found = []
    for field in dataclasses.fields(settings):
        kind, option = _unwrap(hints[field.name])
        if option is None and not (isinstance(kind, type) and issubclass(kind, Settings)):
            continue
        option = option or Option()
        group = option.group or settings.option_group
        found.append(OptionField(field.name, kind, option, _default(field), group))
    return tuple(found)


def all_options(settings: type[Settings], command: str | None = None) -> Iterator[OptionField]:
    """The options of a settings class and its nested settings; only those of a command, if one is given."""
    for field in own_fields(settings):
        if command and field.option.only and command not in field.option.only:
            continue
        yield from all_options(field.type, command) if field.is_part else (field,)


def build(settings: type[T], values: Mapping[str, Any]) -> T:
    """The settings with these values, nested settings included; other fields have their defaults.

    Args:
      values: by the names of the fields; those of other settings are ignored.

    Raises:
      InputError: a value is not one of its choices, or outside its range.
    """
    given = {
        field.name: build(field.type, values) if field.is_part else values[field.name]
        for field in own_fields(settings)
        if field.is_part or field.name in values
    }
    return settings(**given)


def command_words(settings: Settings) -> tuple[str, ...]:
    """The command-line words that give these settings, without defaults."""
    words: list[str] = []
    for field in own_fields(type(settings)):
        value = getattr(settings, field.name)
        if field.is_part:
            words += command_words(value)
        elif value != field.default:
            words += field.given(value)
    return tuple(words)


_PLAIN_TYPES: dict[Any, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "a text"),
    Path: ((str, Path), "a path"),
    Pattern: ((str, Path), "a path or pattern"),
}


def read_value(field: OptionField, value: Any, name: str) -> Any:
    """A value from a file or a Python caller, converted to the type of the field.

    Args:
      name: its name in messages.

    Raises:
      InputError: it has the wrong type, is not one of the choices, or outside the range.
    """
    option = field.option or Option()
    types, described = _PLAIN_TYPES.get(field.type, _PLAIN_TYPES[str])
    if not isinstance(value, types) or (isinstance(value, bool) and field.type is not bool):
        raise InputError(f"{name} is {value!r}; it must be {described}.")
    if value == "":
        raise InputError(f"{name} is empty; fill it in or leave it out.")
    if option.parse is not None:
        return option.parse(str(value))
    option.require(name, value)
    return field.type(str(value)) if field.type in (Path, Pattern) else value


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _unwrap(hint: Any) -> tuple[Any, Option | None]:
    """The type within `Annotated` and `| None`, and the outermost option."""
    option = None
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            option = option or next((note for note in hint.__metadata__ if isinstance(note, Option)), None)
            hint = hint.__origin__
            continue
        inner = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        if type(None) in typing.get_args(hint) and len(inner) == 1:
            (hint,) = inner
            continue
        return hint, option
