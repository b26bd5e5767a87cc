"""`bertbench check`: a verdict per line, and an exit status for pass, fail and unclear."""

import json

import pytest

from bertbench.results.accuracy import read_accuracy
from bertbench.results.schema import read_throughput
from suites.unit.own_project import CLASSIFIER, THROUGHPUT, commit_all, damage, make_repository, slow_down

pytestmark = pytest.mark.unit

SCORE, SPEED = "fp32-classifier-inference-own", "fp32-classifier-inference-own-b1"


@pytest.fixture
def check(monkeypatch, call_here):
    """Call `bertbench check` in a folder: exit status, printed lines, and standard error."""

    def run(folder, *arguments):
        monkeypatch.chdir(folder)
        status, out, message = call_here("check", *arguments)
        return status, out.splitlines(), message

    return run


def test_accuracy_check_is_unclear_then_recorded_then_passed_then_failed(tmp_path, check):
    folder = make_repository(tmp_path)
    status, lines, _ = check(folder)
    assert status == 3
    assert lines[0].startswith(f"unclear   {SCORE}: accuracy 0.")
    assert "--record-baselines" in lines[0]

    status, lines, message = check(folder, "--record-baselines")
    assert status == 0, message
    assert lines[0].startswith(f"recorded  {SCORE}: accuracy 0.")
    assert (folder / "baselines" / "accuracy.json").is_file()
    commit_all(folder)

    status, lines, message = check(folder, "--output-dir", tmp_path / "good")
    assert status == 0, message
    assert lines[0].startswith(f"pass      {SCORE}: accuracy 0.")

    damage(folder / "model")
    status, lines, message = check(folder, "--output-dir", tmp_path / "bad")
    assert status == 1
    assert lines[0].startswith(f"fail      {SCORE}: accuracy 0.")
    assert message.splitlines()[-1] == f"bertbench: fail: {SCORE}."
    good, bad = (read_accuracy(tmp_path / name / "accuracy.json").cases[0] for name in ("good", "bad"))
    assert good.scores["accuracy"] - bad.scores["accuracy"] > 0.05
    assert good.checkpoint_fingerprint != bad.checkpoint_fingerprint


def test_throughput_check_is_recorded_and_then_not_judged_wrongly(tmp_path, check):
    folder = make_repository(tmp_path, CLASSIFIER + THROUGHPUT)
    status, lines, message = check(folder, "-k", "own-b1", "--record-baselines")
    assert status == 0, message
    assert [line.split()[:2] for line in lines] == [["recorded", f"{SPEED}:"]]
    commit_all(folder)

    slow_down(folder / "baselines", 0.2)
    status, lines, _ = check(folder, "-k", "own-b1", "--output-dir", tmp_path / "results", "--json")
    verdict = json.loads(lines[0])
    assert (verdict["name"], verdict["kind"]) == (SPEED, "throughput")
    assert (status, verdict["verdict"]) in ((0, "pass"), (3, "unclear"))  # another program may disturb it
    assert read_throughput(tmp_path / "results" / "throughput.json").cases[0].case == SPEED

    slow_down(folder / "baselines", 50.0)
    status, lines, _ = check(folder, "-k", "own-b1")
    assert (status, lines[0].split()[0]) in ((1, "fail"), (3, "unclear"))


def test_missing_baseline_of_this_machine_is_unclear(tmp_path, check):
    folder = make_repository(tmp_path, CLASSIFIER + THROUGHPUT)
    status, lines, _ = check(folder, "-k", "own-b1")
    assert (status, len(lines)) == (3, 1)
    remedy = f"bertbench check --only throughput -k {SPEED} --record-baselines"
    assert lines[0].endswith(f"no baseline for this machine; record one: {remedy}")


@pytest.mark.parametrize(
    ("words", "told"),
    [(("-k", "bf16"), "'bf16'"), (("--only", "throughput", "-k", "fp32"), "throughput and 'fp32'")],
)
def test_selecting_no_check_is_unclear(tmp_path, check, words, told):
    status, lines, message = check(make_repository(tmp_path), *words)
    assert (status, lines) == (3, [])
    assert f"no check matches {told}; its checks are {SCORE}." in message


def test_name_of_a_check_selects_only_that_one(tmp_path, check):
    """Not the check of speed, whose name begins with it: recording a score must not record the speed."""
    folder = make_repository(tmp_path, CLASSIFIER + THROUGHPUT)
    _, lines, _ = check(folder, "-k", SCORE)
    assert [line.split()[1] for line in lines] == [f"{SCORE}:"]


def test_only_checks_of_one_kind_are_run(tmp_path, check):
    folder = make_repository(tmp_path, CLASSIFIER + THROUGHPUT)
    status, lines, _ = check(folder, "--only", "accuracy")
    assert (status, [line.split()[1] for line in lines]) == (3, [f"{SCORE}:"])


def test_recording_with_uncommitted_changes_is_rejected(tmp_path, check):
    folder = make_repository(tmp_path)
    (folder / "new.txt").touch()
    status, lines, message = check(folder, "--record-baselines")
    assert (status, lines) == (2, [])
    assert "work tree has uncommitted changes" in message
    status, _, message = check(folder, "--record-baselines", "--allow-dirty")
    assert status == 0, message


def test_project_file_may_be_in_another_folder(tmp_path, check):
    folder = make_repository(tmp_path)
    file = folder / "bertbench.toml"
    status, lines, _ = check("/", file)
    assert (status, len(lines)) == (3, 1)
    remedy = f"bertbench check {file} --only accuracy -k {SCORE} --record-baselines"
    assert lines[0].endswith(f"; record one: {remedy}")


def test_missing_project_file_error_names_init_command(tmp_path, check):
    status, lines, message = check(tmp_path)
    assert (status, lines) == (2, [])
    assert "`bertbench init --help` shows how to write one" in message
