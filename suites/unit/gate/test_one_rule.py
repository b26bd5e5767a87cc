"""The suite, the gate, the report, `compare` and the Python interface apply the same rule to losses."""

import dataclasses
import json

import numpy as np
import pytest

from bertbench import api
from bertbench.cli import main
from bertbench.errors import CannotJudge
from bertbench.evaluation.items import Items
from bertbench.gate.accuracy import compare_items
from bertbench.pytest_plugin.accuracy import conclude
from bertbench.pytest_plugin.summary import SUMMARY, SessionSummary
from bertbench.report.checks import collect_checks, load_results
from bertbench.report.wording import State
from bertbench.results.accuracy import AccuracyCase, AccuracyResult, Ruling, write_accuracy
from bertbench.results.item_files import write_items
from suites.unit.made_up_results import DATASET, FINGERPRINT, machine
from suites.unit.squad_cases import question, squad, write_squad

pytestmark = pytest.mark.unit

# F1 80 and 70 of 100 questions: 20 answers were lost and 10 gained.
COUNT, LOST, WON = 100, 20, 10
NAMES = np.array([f"q{number}" for number in range(COUNT)])
BASE = np.repeat([100.0, 0.0], [80, 20])
HEAD = np.where(np.arange(COUNT) < LOST, 0.0, np.where(np.arange(COUNT) >= COUNT - WON, 100.0, BASE))
CHANGED = "changed: q0, q1, q2, q3, q4, q5, q6, q7 and 22 more"
TOLD = "a loss beyond the tolerance, but it may be chance; about"


def items(scores):
    return Items(NAMES, {"f1": scores})


@pytest.fixture(scope="module")
def made():
    return compare_items("f1", items(BASE), items(HEAD), 1.0, against="baseline")


def accuracy_case(made):
    return AccuracyCase(
        "fp32-squad-inference", "squad", "fp32", "inference", "f1", {"f1": made.score}, made.tolerance,
        made.verdict, FINGERPRINT, DATASET, COUNT, (made,), per_question_scores="f1.npz", command="pytest x",
    )  # fmt: skip


def write_folder(folder, made, scores):
    folder.mkdir()
    write_items(folder / "f1.npz", items(scores))
    case = accuracy_case(made)
    write_accuracy(folder / "accuracy.json", AccuracyResult(machine(), {}, (case,)))
    return folder


def call(capsys, *words):
    with pytest.raises(SystemExit) as ending:
        main([*map(str, words)])
    out, err = capsys.readouterr()
    return ending.value.code, out + err


def test_interval_of_the_example_contains_0(made):
    assert (made.expected, made.score) == (80, 70)
    low, high = made.interval
    assert -22 < low < -18
    assert 0 < high <= 1


def test_loss_is_unclear_in_suite(made, pytestconfig, monkeypatch):
    monkeypatch.setitem(pytestconfig.stash._storage, SUMMARY, SessionSummary())
    with pytest.raises(CannotJudge) as ending:
        conclude(pytestconfig, accuracy_case(made), items(HEAD), {"baseline": "bertbench predict squad"})
    assert TOLD in str(ending.value)
    assert CHANGED in str(ending.value)


def test_loss_is_unclear_in_gate(made, tmp_path, capsys):
    before = compare_items("f1", items(BASE), items(BASE), 1.0, against="baseline")
    sides = write_folder(tmp_path / "a", before, BASE), write_folder(tmp_path / "b", made, HEAD)
    status, told = call(capsys, "gate", *sides)
    assert status == 3
    assert TOLD in told
    assert CHANGED in told


def test_loss_is_unclear_in_report(made, tmp_path):
    folder = write_folder(tmp_path / "a", made, HEAD)
    (check,) = collect_checks(load_results(folder))
    assert check.state == State.UNCLEAR
    assert TOLD in check.message
    assert CHANGED in check.message


def test_results_with_wrong_pass_are_rejected_by_report(made, tmp_path, capsys):
    folder = write_folder(tmp_path / "a", dataclasses.replace(made, verdict=Ruling.PASS), HEAD)
    status, told = call(capsys, "report", folder, "-o", tmp_path / "report.html")
    assert status == 2
    assert "says pass, its figures say unclear" in told


def test_loss_is_unclear_in_compare(tmp_path, capsys):
    questions = [question(name, "Which letter?", [("b", 2)]) for name in NAMES]
    data = write_squad(tmp_path / "dev.json", squad(("a b c", questions)))
    for side, scores in (("a", BASE), ("b", HEAD)):
        (tmp_path / side).mkdir()
        answers = {name: "b" if score else "c" for name, score in zip(NAMES, scores, strict=True)}
        (tmp_path / side / "predictions.json").write_text(json.dumps(answers))
    words = ("compare", tmp_path / "a", tmp_path / "b", "--data", data, "--max-drop", "1")
    status, told = call(capsys, *words)
    assert status == 3
    assert TOLD in told
    assert "q0: Which letter?" in told


def test_loss_is_unclear_in_python():
    sides = [
        api.Predictions(
            "own", "squad", "fp32", "f1", {"f1": scores.mean()}, {}, FINGERPRINT, DATASET, items(scores), 1.0
        )
        for scores in (BASE, HEAD)
    ]
    verdict = api.judge(*sides, max_drop=1.0)
    assert verdict.verdict == "unclear"
    assert TOLD in verdict.detail
    assert CHANGED in verdict.detail
