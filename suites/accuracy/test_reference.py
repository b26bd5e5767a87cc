"""fp32 against an independent computation: logits, answers and score of the shared reference."""

import os

import numpy as np
import pytest

from bertbench.files import read_json
from suites.accuracy.judgement import Judgement
from suites.accuracy.slots import Places, shared_slot
from suites.shared_data import shared_path
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.accuracy


@pytest.fixture
def run(run_slot):
    """The reference model's fp32 pass; it is made once a session."""
    return run_slot(shared_slot(Places(os.environ)), "fp32")


@pytest.fixture
def reference(run):
    return shared_path("reference/squad-dev")


def judge_figure(run, quantity, score, expected):
    return Judgement(
        case=run.case.id,
        against="reference",
        quantity=quantity,
        score=score,
        expected=expected,
        tolerance=TOLERANCES["fp32", f"reference {quantity}"],
        remedy=run.predict_command,
        others={},
    )


def test_logits_are_the_references(run, reference, judge):
    outputs = run.prediction.run.outputs
    splits = run.prediction.dataset.features.row_splits
    errors = []
    with np.load(reference / "logits.npz") as expected:
        for name in ("start_logits", "end_logits"):
            logits = expected[name]
            real = np.arange(logits.shape[1]) < np.diff(splits)[:, None]
            errors.append(np.abs(outputs[name] - logits[real]).max())
    judge(judge_figure(run, "logit error", float(max(errors)), 0.0))


def test_answers_are_the_references(run, reference, judge):
    expected = read_json(reference / "predictions.json")
    answers = run.prediction.outcome.predictions.predictions
    assert answers.keys() == expected.keys()
    equal = np.mean([answers[qas_id] == answer for qas_id, answer in expected.items()])
    judge(judge_figure(run, "answers", float(equal), 1.0))


def test_f1_is_the_references(run, reference, judge):
    expected = read_json(reference / "scores.json")["fp32"]["f1"]
    judge(judge_figure(run, "f1", run.scores["f1"], expected))
