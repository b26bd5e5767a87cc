"""Every command in the code of a document exists, and so do its options."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from suites.commands.syntax import ROOT, require_syntax

pytestmark = pytest.mark.commands

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tools/*/README.md")])
_FENCED = re.compile(r"^ *```(?:\w+)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4,}((?:bertbench|pytest|python -m|tox) .*)$", re.MULTILINE)
_COMMAND = re.compile(r"^(?:\$ )?(bertbench|pytest|tox|python(?: -m)?) [a-zA-Z-]")


def read_commands(document: Path) -> list[str]:
    """The command lines in a document's code, continued lines joined."""
    text = document.read_text(encoding="utf-8")
    code = [*_FENCED.findall(text), *_INDENTED.findall(text)]
    lines = "\n".join(code).replace("\\\n", " ").splitlines()
    lines = [part.strip() for line in lines for part in re.split(r"\|\||&&|;", line)]
    return [line.removeprefix("$ ") for line in lines if _COMMAND.match(line)]


CASES = [(document, command) for document in DOCUMENTS for command in read_commands(document)]


def test_documents_contain_more_than_40_commands():
    assert len({command for _, command in CASES}) > 40


@pytest.mark.parametrize(
    ("document", "command"), CASES, ids=[f"{document.stem}-{command[:60]}" for document, command in CASES]
)
def test_documented_command_exists(document, command, pytestconfig):
    require_syntax(shlex.split(command, comments=True), pytestconfig)


def test_declared_markers_are_in_use():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"][
        "markers"
    ]
    names = {line.partition(":")[0] for line in declared}
    used = set()
    for file in (ROOT / "suites").rglob("test_*.py"):
        used |= set(re.findall(r"pytest\.mark\.(\w+)", file.read_text(encoding="utf-8")))
    assert names <= used, f"markers without a test: {sorted(names - used)}"
