"""Settings classes as click commands: one option per field, in named groups of the help.

The command's function receives instances of the settings classes. Their own rules check the values, so an
invalid one gives the same message as from Python.
"""

import dataclasses
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import click

from bertbench.console import telling
from bertbench.errors import InputError
from bertbench.options import GROUPS, Option, OptionField, Pattern, Settings, all_options, build


@dataclass(frozen=True)
class OutputOptions(Settings):
    """The output options of every command."""

    option_group: ClassVar[str] = "output"

    json: Annotated[
        bool, Option("Print the result as JSON, and nothing else to standard output.", switch=True)
    ] = False
    quiet: Annotated[
        bool, Option("Do not print notices or progress.", names=("--quiet", "-q"), switch=True)
    ] = False


class TypedCommand(click.Command):
    """A command whose options are those of settings classes."""

    def __init__(
        self, name: str, function: Callable[..., Any], *settings: type[Settings], help: str, command: str = ""
    ) -> None:
        """`function` is called with an instance of each class.

        Args:
          command: its name, to leave out options of other commands.
        """
        kinds = (*settings, OutputOptions)
        fields = [field for kind in kinds for field in all_options(kind, command or name)]
        self._groups = {field.name: field.group for field in fields}

        def call(**values: Any) -> Any:
            output = build(OutputOptions, values)
            with telling(quiet=output.quiet, as_json=output.json):
                return function(*(build(kind, values) for kind in settings))

        super().__init__(name, params=[_parameter(field) for field in fields], callback=call, help=help)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; what click rejects is reported as bad input in one line."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            message = error.format_message()
            raise InputError(f"{message} `{ctx.command_path} --help` lists the options.") from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group of options."""
        sections: dict[str, list[tuple[str, str]]] = {group: [] for group in (*GROUPS, "other")}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                sections[self._groups.get(parameter.name, "other")].append(record)
        for group, records in sections.items():
            if records:
                with formatter.section(f"{group.capitalize()} options"):
                    formatter.write_dl(records)


class _TypedOption(click.Option):
    """An option whose default may be described in words."""

    def get_help_extra(self, ctx: click.Context) -> Any:
        extra = super().get_help_extra(ctx)
        return extra | {"default": self.show_default} if isinstance(self.show_default, str) else extra


class _ChoiceType(click.Choice[str]):
    """The name of one of several values; the settings reject others."""

    def __init__(self, names: tuple[str, ...], parse: Callable[[str], Any] | None) -> None:
        super().__init__(names)
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._parse(value) if self._parse and isinstance(value, str) else value


class _IntegerType(click.IntRange):
    """A whole number whose range is shown; the settings reject values outside it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return click.INT.convert(value, param, ctx)


class _NumberType(click.FloatRange):
    """A number whose range is shown; the settings reject values outside it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return click.FLOAT.convert(value, param, ctx)


_PLAIN_TYPES: dict[Any, "click.ParamType[Any]"] = {
    int: click.INT,
    float: click.FLOAT,
    str: click.STRING,
    Path: click.Path(path_type=Path),
    Pattern: click.STRING,
}


def _click_type(field: OptionField) -> "click.ParamType[Any]":
    option = field.option
    if option.choices:
        return _ChoiceType(option.choices, option.parse)
    low, high, is_open = option.minimum, option.maximum, option.exclusive
    if field.type is int and low is not None:
        return _IntegerType(int(low), None if high is None else int(high))
    if field.type is float and low is not None:
        return _NumberType(low, high, is_open, is_open)
    return _PLAIN_TYPES[field.type]


def _parameter(field: OptionField) -> click.Parameter:
    option, required = field.option, field.default is dataclasses.MISSING
    default: Mapping[str, Any] = {} if required else {"default": field.default}
    several = typing.get_origin(field.type) is tuple
    if option.positional:
        kind = click.STRING if several else _click_type(field)
        return click.Argument(
            [field.name], type=kind, nargs=-1 if several else 1, metavar=option.metavar, **default
        )
    words = field.words
    if field.type is bool and not option.switch:
        words = tuple(f"{word}/--no-{word.removeprefix('--')}" for word in words)
    return _TypedOption(
        [*words, field.name],
        type=click.STRING if several else None if field.type is bool else _click_type(field),
        is_flag=field.type is bool,
        multiple=several,
        required=required,
        show_default=option.default_help or not option.switch,
        envvar=option.envvar,
        metavar=option.metavar,
        help=option.help,
        **default,
    )
