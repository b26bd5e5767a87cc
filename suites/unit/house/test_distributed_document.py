"""The commands of docs/distributed.md are accepted, and its dry-run output is up to date."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from bertbench.cli import main
from bertbench.processes import groups

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = (ROOT / "docs" / "distributed.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
TRAININGS = [
    shlex.split(text.replace("\\\n", ""))[1:]
    for kind, text in BLOCKS
    if kind and text.startswith("bertbench train")
]


def run(arguments, capfd):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert not end.value.code
    return capfd.readouterr().out


def test_document_contains_three_training_commands():
    assert len(TRAININGS) == 3


@pytest.mark.parametrize("arguments", TRAININGS, ids=" ".join)
def test_documented_command_passes_dry_run(arguments, capfd):
    printed = run([*arguments, "--dry-run"], capfd)
    count = arguments[arguments.index("--mpi-num-processes") + 1]
    assert printed.count("HOROVOD_RANK=") == int(count)


def test_documented_dry_run_output_is_up_to_date(monkeypatch, capfd):
    (arguments,) = (arguments for arguments in TRAININGS if "--dry-run" in arguments)
    (shown,) = (text for kind, text in BLOCKS if not kind and "HOROVOD_RANK" in text)
    home = Path("/home/ann")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(sys, "executable", str(home / "venv/bin/python"))
    monkeypatch.setattr(groups, "PACKAGE_PARENT", home / "venv/lib/python3.11/site-packages")
    monkeypatch.setattr(Path, "cwd", lambda: home / "squad")
    assert run(arguments, capfd) == shown


def test_linked_files_exist():
    for link in re.findall(r"\]\(([^)#:]+)\)", DOCUMENT):
        assert (ROOT / "docs" / link).exists(), link
    for file in re.findall(r"^(?:python|pytest\b.*?) (\w\S*\.py)$", DOCUMENT, re.MULTILINE):
        assert (ROOT / file).exists(), file
