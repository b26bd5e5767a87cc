"""A `bertbench.toml` is collected as tests in any repository, and follows pytest's options."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from bertbench.files import read_json
from bertbench.gate.result import read_gate
from bertbench.pytest_plugin.entry import is_project
from suites.unit.git_repository import git
from suites.unit.own_project import (
    CLASSIFIER,
    THROUGHPUT,
    commit_all,
    damage,
    make_repository,
    rewrite_weights,
)

pytestmark = pytest.mark.unit

SCORE, SPEED = "fp32-classifier-inference-own", "fp32-classifier-inference-own-b1"


def run_pytest(folder, *arguments):
    """pytest in a repository, with the plugin as an installed bertbench gives it."""
    plugins = ("-p", "bertbench.pytest_plugin.entry", "-p", "no:randomly")
    words = [sys.executable, "-m", "pytest", *plugins, *map(str, arguments)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def collect(folder, *arguments):
    _, out = run_pytest(folder, "--collect-only", "-q", *arguments)
    return [line for line in out.splitlines() if "::" in line]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_repository(tmp_path_factory.mktemp("own"), CLASSIFIER + THROUGHPUT)


def test_collected_checks_have_names_and_markers(project):
    both = [f"bertbench.toml::{SCORE}", f"bertbench.toml::{SPEED}"]
    assert collect(project, "--strict-markers") == both
    assert collect(project, "-m", "accuracy") == both[:1]
    assert collect(project, "-m", "benchmark", "-k", "own-b1") == both[1:]


def test_checks_in_pyproject_are_collected(tmp_path):
    folder = make_repository(tmp_path)
    text = (folder / "bertbench.toml").read_text().replace("[model.", "[tool.bertbench.model.")
    (folder / "bertbench.toml").unlink()
    (folder / "pyproject.toml").write_text(text)
    assert collect(folder) == [f"pyproject.toml::{SCORE}"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('[tool]\nbertbench.model.own.dir = "none"\n', 1),
        ("[ tool.bertbench ]\n", 1),
        ("# [tool.bertbench.model.own]\n[tool.other]\n", 0),
        ("[tool.bertbench-x]\n", 0),
        ('name = "bertbench"\n', 0),
    ],
)
def test_pyproject_is_collected_if_it_has_the_table_in_any_spelling(tmp_path, text, count):
    (tmp_path / "pyproject.toml").write_text(text)
    assert sum(is_project(path) for path in tmp_path.iterdir()) == count


def test_two_projects_with_the_same_check_are_rejected(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_repository(tmp_path / name)
    status, out = run_pytest(tmp_path, "-q")
    assert status == 2
    assert f"{SCORE} is also in {tmp_path / 'a' / 'bertbench.toml'}; rename one of the models" in out


@pytest.mark.parametrize("place", ["results", "results/deeper"])
def test_file_in_place_of_the_results_folder_is_reported_before_the_checks(tmp_path, place):
    folder = make_repository(tmp_path)
    (folder / "results").touch()
    status, out = run_pytest(folder, "-q", "--results-dir", place)
    assert status == 2
    assert f"{place}: cannot be created as a folder" in out
    assert "INTERNALERROR" not in out


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_file_that_cannot_be_collected_fails_a_session_with_an_unclear_check(tmp_path, options):
    folder = make_repository(tmp_path)
    (folder / "test_broken.py").write_text("import no_such_package\n")
    commit_all(folder)
    status, out = run_pytest(
        folder, "--continue-on-collection-errors", "--record-baselines", "--results-dir", "out", *options
    )
    assert status == 1, out
    assert "No baseline was recorded, because the session failed" in out
    assert not (folder / "baselines" / "accuracy.json").exists()


def test_check_that_gives_no_score_is_counted_and_reported(tmp_path):
    folder = make_repository(tmp_path)
    rewrite_weights(folder / "model", lambda weights: weights["output_bias"].fill(np.nan))
    status, out = run_pytest(folder, "--results-dir", "results")
    assert status == 3, out
    assert out.splitlines()[-2:] == [f"accuracy: 0 of 1 cases passed; no score: {SCORE}", "exit status 3"]
    (verdict,) = read_gate(folder / "results" / "gate.json").verdicts
    assert (verdict.case, verdict.verdict) == (SCORE, "unclear")


def test_repository_without_project_file_is_not_changed(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.other]\n")
    (tmp_path / "test_other.py").write_text("import sys\ndef test_it(): assert 'numpy' not in sys.modules\n")
    status, out = run_pytest(tmp_path, "-q")
    assert status == 0, out
    assert "1 passed" in out


def test_invalid_project_file_is_reported_in_one_line(tmp_path):
    folder = make_repository(tmp_path, CLASSIFIER.replace("task-name", "task-nam"))
    status, out = run_pytest(folder, "-q")
    assert status == 2
    assert "bertbench.toml: line 4: model.own.task-nam: unknown key; did you mean 'task-name'?" in out
    assert "Traceback" not in out


def test_projects_of_one_repository_are_recorded_together(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_repository(tmp_path / name, CLASSIFIER.replace("model.own", f"model.{name}"))
        shutil.rmtree(tmp_path / name / ".git")
    git(tmp_path, "init", "--quiet")
    commit_all(tmp_path)
    status, out = run_pytest(tmp_path, "--record-baselines")
    assert status == 0, out
    assert all((tmp_path / name / "baselines" / "accuracy.json").exists() for name in ("a", "b"))


def test_unclear_then_recorded_then_passed_then_failed(tmp_path):
    folder = make_repository(tmp_path)
    status, out = run_pytest(folder)
    assert status == 3, out
    assert out.splitlines()[-1] == "exit status 3"

    status, out = run_pytest(
        folder, "--record-baselines", "--junitxml", "recorded.xml", "--results-dir", "recorded"
    )
    assert status == 0, out
    assert "recorded; commit it" in out
    assert f"accuracy: measured, not judged: {SCORE}" in out
    commit_all(folder)

    status, out = run_pytest(folder, "--junitxml", "junit.xml", "--results-dir", "results")
    assert status == 0, out
    (case,) = ElementTree.parse(folder / "junit.xml").iter("testcase")
    assert case.get("name") == SCORE
    assert read_json(folder / "results" / "accuracy.json")["cases"][0]["verdict"] == "pass"

    damage(folder / "model")
    status, out = run_pytest(folder, "--results-dir", "results")
    assert status == 1, out
    assert f"{SCORE}: accuracy 0." in out
    assert read_json(folder / "results" / "accuracy.json")["cases"][0]["verdict"] == "fail"


def test_parallel_workers_write_one_result(tmp_path):
    two = CLASSIFIER + CLASSIFIER.replace("model.own", "model.twin")
    folder = make_repository(tmp_path, two)
    status, out = run_pytest(folder, "-n", "2", "--record-baselines")
    assert status == 0, out
    names = {entry["case"] for entry in read_json(folder / "baselines" / "accuracy.json")["baselines"]}
    assert names == {SCORE, SCORE.replace("own", "twin")}


def test_parallel_workers_report_a_project_in_a_subfolder(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "part").mkdir()
    make_repository(tmp_path / "part")
    status, out = run_pytest(tmp_path, "-n", "1", "--results-dir", "results")
    assert status == 3, out
    assert out.splitlines()[-1] == "exit status 3"
    assert read_json(tmp_path / "results" / "accuracy.json")["cases"][0]["case"] == SCORE
