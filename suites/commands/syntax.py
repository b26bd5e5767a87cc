"""Checks that commands and their options exist, without running them."""

import contextlib
import re
from pathlib import Path

import click
import pytest

from bertbench.commands.root import bertbench

ROOT = Path(__file__).resolve().parents[2]


def require_syntax(words: list[str], config: pytest.Config, *, complete: bool = False) -> None:
    """Fail unless the command and its options exist; `complete`: required arguments must be given, too."""
    if words[0] == "bertbench":
        _parse_bertbench(words[1:], complete=complete)
    elif words[0] == "pytest":
        _parse_pytest(words[1:], config)
    elif words[0] == "tox":
        _parse_tox(words[1:])
    elif words[1] != "-m":
        assert (ROOT / words[1]).is_file() or not words[1].startswith(("tools/", "suites/"))
    elif words[2].startswith(("suites", "bertbench", "tools")):
        path = ROOT / words[2].replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def _parse_bertbench(words: list[str], *, complete: bool) -> None:
    """Find the command in its groups, and parse its arguments without running it."""
    words = [word for word in words if word not in (">", "2>&1")]
    context = click.Context(bertbench, info_name="bertbench")
    command = bertbench
    while isinstance(command, click.Group):
        if words in ([], ["--help"]):
            assert words or not complete, f"{context.info_name} needs a subcommand"
            return
        name = words.pop(0)
        command = command.get_command(context, name)
        assert command is not None, f"no command {name}"
        context = click.Context(command, info_name=name, parent=context)
    if complete:
        with contextlib.suppress(click.exceptions.Exit):  # --help
            command.make_context(command.name, words, parent=context.parent)
    else:
        command.make_parser(context).parse_args(words)


def _parse_pytest(words: list[str], config: pytest.Config) -> None:
    markers = {line.partition(":")[0] for line in config.getini("markers")}
    options = config._parser.parse_known_args(words)
    for marker in re.findall(r"\w+", options.markexpr or ""):
        assert marker in markers | {"and", "or", "not"}, f"no marker {marker}"
    _, unknown = config._parser.parse_known_and_unknown_args(words)
    assert not unknown
    for place in options.file_or_dir:
        assert (ROOT / place.partition("::")[0]).exists(), f"no {place}"


def _parse_tox(words: list[str]) -> None:
    settings = (ROOT / "tox.ini").read_text(encoding="utf-8")
    for place, word in enumerate(words):
        if word == "-e":
            name = words[place + 1].partition("-")[0]
            assert f"[testenv:{name}" in settings or name == "py", f"no environment {words[place + 1]}"
