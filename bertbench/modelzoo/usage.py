"""The options as text: --help and the tables of docs/commands.md."""

from collections.abc import Sequence

from bertbench.modelzoo.option import LaunchOption
from bertbench.modelzoo.table import LAUNCH_OPTIONS, MODEL_ARGUMENTS

_USAGE = """\
Usage: launch_benchmark.py OPTIONS... [-- NAME=VALUE...]

Trains, benchmarks or evaluates BERT as the launch script of Intel's model zoo does. Model arguments follow a
separate --, with hyphens or underscores. Values in brackets are defaults, inference / training.
"""


def help_text() -> str:
    """The text of --help."""
    width = 42
    sections = [_USAGE]
    for title, options in (("Options", LAUNCH_OPTIONS), ("Model arguments, after --", MODEL_ARGUMENTS)):
        lines = [f"{title}:"]
        for option in (option for option in options if option.meaning):
            names = ", ".join(option.spellings) or option.name
            lines.append(f"  {names:{width}} {option.meaning}{_bracketed(option)}")
        sections.append("\n".join(lines))
    idle = [f"  {option.shown:{width}} {option.idle}" for option in idle_options()]
    sections.append("\n".join(["Accepted without effect, because:", *idle]))
    sections.append(f"  {'-h, --help':{width}} this text\n  {'--version':{width}} the version of bertbench")
    return "\n\n".join(sections) + "\n"


def idle_options() -> list[LaunchOption]:
    """The options that have no effect in any run."""
    return [option for option in (*LAUNCH_OPTIONS, *MODEL_ARGUMENTS) if option.idle]


def idle_table() -> str:
    """A table for the documents: the options without effect, and the reasons."""
    lines = ["| option | why it has no effect |", "|---|---|"]
    for option in idle_options():
        names = ", ".join(f"`{name}`" for name in option.spellings or (option.name,))
        lines.append(f"| {names} | {option.idle} |")
    return "\n".join(lines) + "\n"


def markdown_table(options: Sequence[LaunchOption]) -> str:
    """A table for the documents: name, defaults and meaning of each option that has an effect."""
    lines = ["| option | inference | training | meaning |", "|---|---|---|---|"]
    for option in (option for option in options if option.meaning):
        names = ", ".join(f"`{name}`" for name in option.spellings or (option.name,))
        defaults = " | ".join(_default(option.default(mode)) for mode in ("inference", "training"))
        lines.append(f"| {names} | {defaults} | {option.meaning}{_choices(option)} |")
    return "\n".join(lines) + "\n"


def _default(value: object) -> str:
    return "" if value is None else f"`{value}`"


def _choices(option: LaunchOption) -> str:
    return f": {' or '.join(option.choices)}" if option.choices else ""


def _bracketed(option: LaunchOption) -> str:
    values = [option.default(mode) for mode in ("inference", "training")]
    if values == [None, None]:
        return _choices(option)
    shown = [str(values[0])] if values[0] == values[1] else ["-" if v is None else str(v) for v in values]
    return f"{_choices(option)} [{' / '.join(shown)}]"
