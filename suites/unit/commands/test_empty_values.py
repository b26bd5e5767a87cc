"""Every option of every command rejects an empty value, as from an unset variable."""

import click
import pytest

from bertbench.commands.root import bertbench

pytestmark = pytest.mark.unit


def walk(command, words=()):
    """Every command that runs, with its words."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from walk(command.get_command(context, name), (*words, name))


OPTIONS = [
    (words, option)
    for words, command in walk(bertbench)
    for parameter in command.params
    if isinstance(parameter, click.Option) and not parameter.is_flag
    for option in parameter.opts
]


@pytest.mark.parametrize(
    ("words", "option"), OPTIONS, ids=lambda part: " ".join(part) if part[0] != "-" else part
)
def test_empty_option_value_is_rejected(call_here, tmp_path, monkeypatch, words, option):
    monkeypatch.chdir(tmp_path)
    given = [[option, ""], [f"{option}="]] if option.startswith("--") else [[option, ""]]
    for empty in given:
        status, out, err = call_here(*words, *empty)
        assert status == 2
        message = f"bertbench: {option}: is empty (is a variable not set?); give a value or leave it out.\n"
        assert (out, err) == ("", message)
    assert not list(tmp_path.iterdir())


def test_empty_argument_is_rejected(call_here):
    status, _, err = call_here("compare", "", "other")
    assert status == 2
    assert err.startswith("bertbench: an argument: is empty")


def test_options_of_every_command_are_tested():
    assert len(OPTIONS) > 100
    assert {"--output-dir", "--init-checkpoint", "--input-file", "--predictions"} <= {
        name for _, name in OPTIONS
    }
