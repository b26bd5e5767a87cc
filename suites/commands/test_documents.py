"""Every command in the code of a document exists, and so do its options."""

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from bertbench.commands.root import bertbench

pytestmark = pytest.mark.commands

ROOT = Path(__file__).resolve().parents[2]
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
    words = shlex.split(command, comments=True)
    if words[0] == "bertbench":
        parse_bertbench(words[1:])
    elif words[0] == "pytest":
        parse_pytest(words[1:], pytestconfig)
    elif words[0] == "tox":
        parse_tox(words[1:])
    elif words[1] != "-m":
        assert (ROOT / words[1]).is_file() or not words[1].startswith(("tools/", "suites/"))
    elif words[2].startswith(("suites", "bertbench")):
        path = ROOT / words[2].replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def parse_bertbench(words):
    """Find the command in the groups and parse its arguments; nothing runs."""
    words = [word for word in words if word not in (">", "2>&1")]
    context = click.Context(bertbench, info_name="bertbench")
    command = bertbench
    while isinstance(command, click.Group):
        name = words.pop(0)
        command = command.get_command(context, name)
        assert command is not None, f"no command {name}"
        context = click.Context(command, info_name=name, parent=context)
        if not words or words[0] == "--help":
            return
    parser = command.make_parser(context)
    parser.parse_args(list(words))


def parse_pytest(words, config):
    markers = {line.partition(":")[0] for line in config.getini("markers")}
    options = config._parser.parse_known_args(words)
    for marker in re.findall(r"\w+", options.markexpr or ""):
        assert marker in markers | {"and", "or", "not"}, f"no marker {marker}"
    _, unknown = config._parser.parse_known_and_unknown_args(words)
    assert not unknown
    for place in options.file_or_dir:
        assert (ROOT / place.partition("::")[0]).exists(), f"no {place}"


def parse_tox(words):
    settings = (ROOT / "tox.ini").read_text(encoding="utf-8")
    for place, word in enumerate(words):
        if word == "-e":
            name = words[place + 1].partition("-")[0]
            assert f"[testenv:{name}" in settings or name == "py", f"no environment {words[place + 1]}"


def test_declared_markers_equal_markers_in_use():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"][
        "markers"
    ]
    names = {line.partition(":")[0] for line in declared}
    used = set()
    for file in (ROOT / "suites").rglob("test_*.py"):
        used |= set(re.findall(r"pytest\.mark\.(\w+)", file.read_text(encoding="utf-8")))
    assert names <= used, f"markers without a test: {sorted(names - used)}"
