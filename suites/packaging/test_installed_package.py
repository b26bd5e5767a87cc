"""The workflow of a user: the wheel in a new environment, and in a repository with only a model and data.

init, record, pass; then a damaged checkpoint and a slower version, which fail; and a report that shows both.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from suites.shared_data import DEV_SET, shared_path
from suites.unit.own_project import commit_all, damage, git

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).resolve().parents[2]
MODEL = "models/minilm-l6-h384-squad"
PARAGRAPHS = 12
MAX_DROP = 5
ATTEMPTS = 3
CHECK_SPEED = ("bertbench", "check", "-k", "faq-b1")
# Each batch is computed twice: a version that is half as fast.
SLOWER = """

def _twice(predict):
    def call(self, tensors):
        predict(self, tensors)
        return predict(self, tensors)
    return call


Predictor.__call__ = _twice(Predictor.__call__)
"""


def ignore_leftovers(folder, names):
    """What a checkout may contain at its top besides the source."""
    at_top = Path(folder) == ROOT
    return {name for name in names if at_top and (name[0] == "." or name in ("build", "dist", "results"))}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The `bin` folder of a new environment that holds the wheel of this source and what it requires."""
    folder = tmp_path_factory.mktemp("environment")
    pip = ("-I", "-m", "pip", "-qqq")  # -I: what PYTHONPATH names is not installed there
    source = shutil.copytree(ROOT, folder / "source", ignore=ignore_leftovers)
    subprocess.run([sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", folder, source], check=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, *pip, "install", wheel], check=True)
    return python.parent


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A git repository with a fine-tuned model and a few questions, and nothing else."""
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(shared_path(MODEL), folder / "models" / "faq")
    content = json.loads(shared_path(DEV_SET).read_text())
    paragraphs = content["data"][0]["paragraphs"][:PARAGRAPHS]
    (folder / "dev.json").write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    git(folder, "init", "--quiet")
    git(folder, "config", "user.name", "Ann")
    git(folder, "config", "user.email", "ann@example.org")
    commit_all(folder)
    return folder


@pytest.fixture(scope="module")
def call(environment, repository):
    """Run an installed program in the repository: exit status, standard output and standard error."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "BERT"))}

    def run(program, *arguments):
        done = subprocess.run(
            [environment / program, *map(str, arguments)],
            cwd=repository,
            env=clean,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def write_smaller(file: Path):
    """Check one precision with short batches, and bounds that a few questions can show."""
    text = file.read_text()
    text = text.replace('precisions = ["fp32", "bf16"]', 'precisions = ["fp32"]')
    text = re.sub(r"max-drop = \S+", f"max-drop = {MAX_DROP}", text)
    text = re.sub(r"batch-size = \d+", "batch-size = 1\nsteps = 7", text)
    file.write_text(re.sub(r"max-slowdown = \S+", "max-slowdown = 0.2", text))


def test_installed_wheel_inits_records_and_checks_own_model(call, repository, environment):
    status, _, message = call("bertbench", "init", "--model-dir", "models/faq", "--data", "dev.json")
    assert status == 0, message
    write_smaller(repository / "bertbench.toml")
    commit_all(repository)

    status, out, message = call("pytest", "-m", "accuracy")
    assert status == 3, out + message  # nothing to compare with
    assert "--record-baselines" in out, message

    status, out, message = call("pytest", "--record-baselines")
    assert status == 0, out + message
    assert {file.name for file in (repository / "baselines").iterdir()} >= {"accuracy.json", "throughput"}
    commit_all(repository)

    status, out, message = call("pytest", "-m", "accuracy", "--junitxml", "junit.xml")
    assert status == 0, out + message
    assert "bertbench.toml" in (repository / "junit.xml").read_text()

    damage(repository / "models" / "faq")
    status, out, message = call("pytest", "-m", "accuracy")
    assert status == 1, out + message
    assert "fp32-squad-inference-faq: F1" in out

    status, out, message = call(*CHECK_SPEED)
    assert status in (0, 3), out + message  # 3: this machine's speed is unstable
    plant_slowdown(environment)
    speed = judge_speed(call)
    assert speed in (1, None)

    status, out, message = call("bertbench", "check", "--output-dir", "results")
    assert status == 1, out + message
    status, _, message = call("bertbench", "report", "results", "-o", "report.html")
    assert status == 0, message
    page = (repository / "report.html").read_text()
    assert "fp32-squad-inference-faq" in page
    assert "fp32-squad-inference-faq-b1" in page
    (judged,) = json.loads((repository / "results" / "gate.json").read_text())["verdicts"]
    assert judged["case"] == "fp32-squad-inference-faq-b1"
    assert judged["verdict"] in ("regression", "unclear")
    for badge in ("fail", judged["verdict"]):
        assert re.search(f'<span class="badge [a-z]+">{badge}</span>', page)
    if speed is None:
        pytest.skip("the planted slowdown was not judged: this machine is too busy to measure speed")


def judge_speed(call):
    """The status of the check of speed; None if every measurement was disturbed."""
    for _ in range(ATTEMPTS):
        status, _, _ = call(*CHECK_SPEED)
        if status != 3:
            return status
    return None


def plant_slowdown(environment):
    (module,) = environment.parent.glob("lib/python*/site-packages/bertbench/inference.py")
    module.write_text(module.read_text() + SLOWER)
