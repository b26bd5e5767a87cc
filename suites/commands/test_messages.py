"""Commands in messages are complete: they have no placeholders and run as printed."""

import ast
import re
import shlex
from pathlib import Path

import click
import pytest

from bertbench.errors import BertbenchError
from suites.commands.syntax import ROOT, require_syntax

pytestmark = pytest.mark.commands

FILES = [
    *(ROOT / "bertbench").rglob("*.py"),
    *(file for file in (ROOT / "suites").rglob("*.py") if not file.name.startswith("test_")),
    ROOT / "conftest.py",
]
STAND_INS = {"task": "squad"}
OTHER_PROGRAMS = {"git lfs pull", "apt-get install {}"}
_COMMAND = re.compile(r"`((?:bertbench|pytest|python|tox|git|pip|apt-get) [^`]+)`(?! wrote)")


def read_texts(file: Path):
    """The texts in a file that are neither docstrings nor the help of an option."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    left_out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            left_out |= {id(node.value)}
        elif isinstance(node, ast.keyword) and node.arg == "help":
            left_out |= {id(part) for part in ast.walk(node.value)}
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Option", "add"):
            left_out |= {id(part) for part in ast.walk(node)}
        elif isinstance(node, ast.JoinedStr):
            left_out |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(map(as_text, node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def as_text(part):
    if isinstance(part, ast.Constant):
        return part.value
    return STAND_INS.get(ast.unparse(part.value), f"{{{ast.unparse(part.value)}}}")


COMMANDS = sorted(
    {command for file in FILES for text in read_texts(file) for command in _COMMAND.findall(text)}
    - OTHER_PROGRAMS
)


def test_messages_contain_more_than_10_commands():
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("command", COMMANDS)
def test_command_in_message_is_complete(command, pytestconfig):
    assert "{" not in command, "give what it may hold in STAND_INS, or test the code that prints it"
    require_syntax(shlex.split(command), pytestconfig, complete=True)


def test_command_without_its_arguments_is_not_complete(pytestconfig):
    for command in ("bertbench prepare pretraining", "bertbench train", "bertbench report --no-such-option"):
        with pytest.raises((click.ClickException, BertbenchError, AssertionError)):
            require_syntax(shlex.split(command), pytestconfig, complete=True)
