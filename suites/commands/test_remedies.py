"""Commands that the accuracy suite and the checks of a project print run in a shell as printed.

Folders have spaces in their names.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from suites.commands.syntax import ROOT
from suites.unit.own_project import CLASSIFIER, commit_all, damage, git, make_repository
from suites.unit.random_stand_ins import make_stand_ins
from suites.unit.rewritten_baselines import claim_perfect_answers

pytestmark = pytest.mark.commands


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    return make_stand_ins(tmp_path_factory.mktemp("stand_ins"))


@pytest.fixture
def paste(monkeypatch):
    """Run a line in a shell, in a folder, with the programs and the package of this session."""
    for name in list(os.environ):
        if name.startswith("BERT") or name.endswith("_DIR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(line, folder):
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


def remedy(pattern, output):
    """The command behind some words, to the end of its line."""
    found = re.search(rf"{pattern}: (.*)", output)
    assert found, output
    return found[1]


@pytest.fixture
def checkout(tmp_path):
    """A clean work tree of the suites, without baselines."""
    folder = tmp_path / "a checkout"
    leftovers = shutil.ignore_patterns(
        "__pycache__", "unit", "commands", "training", "distributed", "packaging"
    )
    for name in ("bertbench", "suites"):
        shutil.copytree(ROOT / name, folder / name, ignore=leftovers if name == "suites" else None)
    for name in ("conftest.py", "pyproject.toml", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    (folder / "baselines").mkdir()
    shutil.copy(ROOT / "baselines" / "published.json", folder / "baselines")
    git(folder, "init", "--quiet")
    commit_all(folder)
    return folder


def test_commands_printed_by_accuracy_suite_run(checkout, stand_ins, tmp_path, paste, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(checkout))
    model = shutil.copytree(stand_ins.tuned, tmp_path / "my model")
    data = shutil.copytree(stand_ins.squad, tmp_path / "the questions")
    places = [f"--model-dir={model}", f"--squad-dir={data}"]
    session = shlex.join(["pytest", "-m", "accuracy", "-k", "bf16 and squad-inference-my", *places])
    status, out = paste(session, checkout)
    assert status == 3, out
    status, out = paste(remedy("if the score is correct, record it", out), checkout)
    assert status == 0, out
    assert "Baselines recorded in" in out

    claim_perfect_answers(checkout / "baselines" / "accuracy.json")
    status, out = paste(session, checkout)
    assert status == 3, out
    status, out = paste(remedy("details", out), checkout)
    assert status == 0, out
    assert (checkout / "results" / "bf16-squad-inference-my model" / "predictions.json").is_file()


def test_commands_printed_for_project_run(tmp_path, paste):
    folder = tmp_path / "my project"
    folder.mkdir()
    make_repository(folder, CLASSIFIER.replace('dir = "model"', 'dir = "a model"'))
    (folder / "model").rename(folder / "a model")
    commit_all(folder)
    status, out = paste(f"bertbench check {shlex.quote(str(folder / 'bertbench.toml'))}", tmp_path)
    assert status == 3, out
    status, out = paste(remedy("record one", out), tmp_path)
    assert status == 0, out

    commit_all(folder)
    damage(folder / "a model")
    status, out = paste("pytest -p bertbench.pytest_plugin.entry", folder)
    assert status == 1, out
    status, out = paste(remedy("details", out), folder)
    assert status == 0, out
    assert (folder / "results" / "fp32-classifier-inference-own" / "results.json").is_file()
