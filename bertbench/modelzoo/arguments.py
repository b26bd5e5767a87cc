"""Parses the command line; an unknown name is an error that suggests the most similar name."""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.modelzoo.option import LaunchOption
from bertbench.modelzoo.table import LAUNCH_OPTIONS, MODEL_ARGUMENTS

HELP, VERSION = ("-h", "--help"), ("--version",)
_LONG = {option.spellings[0].replace("_", "-"): option for option in LAUNCH_OPTIONS}
_SHORT = {spelling: option for option in LAUNCH_OPTIONS for spelling in option.spellings[1:]}
_MODEL = {name: argument for argument in MODEL_ARGUMENTS for name in (argument.name, *argument.aliases)}
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Arguments:
    """The given values by option name.

    `launch` are the options before the separate `--`; `model` are those after it, or `--name=value` before
    it.
    """

    launch: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    wants_help: bool = False
    wants_version: bool = False


def parse(argv: Sequence[str]) -> Arguments:
    """Parse a command line.

    Long options accept hyphens or underscores, model arguments also any case; `--opt=value` and `--opt value`
    are the same; an empty value means the default, except for a path, where it is an error.

    Raises:
      InputError: a name is unknown (the message suggests a known one), or a value is missing or invalid.
    """
    tokens = list(argv)
    cut = tokens.index("--") if "--" in tokens else len(tokens)
    before, after = tokens[:cut], tokens[cut + 1 :]
    launch: dict[str, Any] = {}
    model: dict[str, Any] = {}
    if any(token in HELP for token in before):
        return Arguments(wants_help=True)
    if any(token in VERSION for token in before):
        return Arguments(wants_version=True)
    while before:
        option, shown, value = _take(before)
        _store(launch if option.spellings else model, option, shown, value)
    for token in after:
        name, given, value = token.partition("=")
        argument = _MODEL.get(_normal(name))
        if argument is None or not given:
            raise _unknown_after(token)
        _store(model, argument, name, value)
    return Arguments(launch, model)


def to_command_line(arguments: Arguments, without: Collection[str], output_dir: Path) -> list[str]:
    """The command line that `parse` reads as these arguments, without some options and with `output_dir`."""
    kept = {name: value for name, value in arguments.launch.items() if name not in without}
    spelling = {option.name: option.spellings[0] for option in LAUNCH_OPTIONS}
    words = [f"{spelling[name]}={value}" for name, value in (kept | {"output_dir": output_dir}).items()]
    model = [f"{name}={value}" for name, value in arguments.model.items()]
    return [*words, "--", *model] if model else words


def _take(tokens: list[str]) -> tuple[LaunchOption, str, str | None]:
    """Remove the first option from `tokens`; return it, its name as given, and its value if it has one."""
    token = tokens.pop(0)
    name, given, value = token.partition("=")
    if token.startswith("--"):
        option = _LONG.get(name.replace("_", "-")) or _MODEL.get(_normal(name))
    elif token.startswith("-"):
        option = _SHORT.get(name)
        if option is None and token[:2] in _SHORT and _SHORT[token[:2]].kind != "flag":
            option, name, given, value = _SHORT[token[:2]], token[:2], "=", token[2:]
    else:
        option = _MODEL.get(_normal(name)) if given else None
    if option is None:
        raise _unknown_before(token)
    if given:
        return option, name, value
    if option.kind == "flag" or (option.kind == "optional" and (not tokens or tokens[0].startswith("-"))):
        return option, name, None
    if not tokens or tokens[0].startswith("--"):
        raise InputError(f"{name}: needs a value; write {name}=VALUE.")
    return option, name, tokens.pop(0)


def _store(values: dict[str, Any], option: LaunchOption, shown: str, text: str | None) -> None:
    if text == "" and option.kind in ("path", "volume"):
        raise InputError(f"{shown}: is empty (is a variable not set?); give a path or leave it out.")
    if text == "":
        return
    value = True if text is None else _parse_value(option, shown, text)
    if value is None:  # -1
        return
    if option.kind == "volume":
        values[option.name] = (*values.get(option.name, ()), value)
    else:
        values[option.name] = value


def _parse_value(option: LaunchOption, shown: str, text: str) -> Any:
    if option.choices:
        by_lower = {choice.lower(): choice for choice in option.choices}
        if text.lower() in by_lower:
            return by_lower[text.lower()]
        why = f": {reason}" if (reason := option.refused.get(text.lower())) else ""
        raise InputError(f"{shown}: {text!r} is not a valid choice{why}; use {' or '.join(option.choices)}.")
    try:
        return _CONVERSIONS[option.kind](text)
    except (ValueError, KeyError):
        raise InputError(f"{shown}: {text!r} is not a {_KIND_NAMES[option.kind]}.") from None


def _whole(text: str, least: int) -> int | None:
    value = int(text)
    if value < least and value != -1:
        raise ValueError(text)
    return None if value == -1 else value


def _volume(text: str) -> tuple[str, str]:
    host, inside, *_ = (*text.split(":"), "")
    if not host or not inside or text.count(":") > 2:
        raise ValueError(text)
    return host, text.removeprefix(f"{host}:")


_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "path": str,
    "optional": str,
    "integer": int,
    "count": lambda text: _whole(text, least=1),
    "index": lambda text: _whole(text, least=0),
    "number": float,
    "boolean": lambda text: _TRUTH[text.lower()],
    "flag": lambda text: _TRUTH[text.lower()],
    "cores": lambda text: "socket" if text.lower() == "socket" else _whole(text, least=1),
    "volume": _volume,
}
_KIND_NAMES = {
    "integer": "whole number",
    "count": "positive whole number",
    "index": "whole number of at least 0",
    "number": "number",
    "boolean": "truth value (True or False)",
    "flag": "truth value (True or False)",
    "cores": "positive whole number or 'socket'",
    "volume": "pair of folders A:B",
}


def _normal(name: str) -> str:
    return name.lstrip("-").replace("-", "_").lower()


def _unknown_before(token: str) -> InputError:
    if not token.strip():
        return InputError(
            "an option is a single space; remove the space after a backslash at the end of a line."
        )
    name = token.partition("=")[0]
    known = {**_LONG, **{f"--{argument}".replace("_", "-"): option for argument, option in _MODEL.items()}}
    looked_for = "--" + _normal(name).replace("_", "-")
    return InputError(f"{token}: unknown option; {_nearest(looked_for, known)}")


def _unknown_after(token: str) -> InputError:
    if not token.strip():
        return _unknown_before(token)
    name = token.partition("=")[0]
    normal = _normal(name)
    if normal in _MODEL:
        return InputError(f"{token}: needs a value; write {name}=VALUE.")
    if f"--{normal}".replace("_", "-") in _LONG:
        return InputError(f"{token}: not a model argument; put it before the --.")
    return InputError(f"{token}: unknown model argument; {_nearest(normal, _MODEL)}")


def _nearest(name: str, known: Mapping[str, LaunchOption]) -> str:
    match difflib.get_close_matches(name, known, n=1):
        case [nearest]:
            return f"did you mean {known[nearest].shown}?"
    return "--help lists all names."
