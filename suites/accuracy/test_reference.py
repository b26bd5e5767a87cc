"""fp32 against an independent computation: logits, answers and score of the shared reference."""

import os

import numpy as np
import pytest

from bertbench.files import read_json
from bertbench.formatting import NONE, decimals_for, format_number, signed
from bertbench.pytest_plugin.accuracy import accuracy_table
from suites.accuracy.slots import Places, shared_slot
from suites.shared_data import shared_path
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.accuracy


@pytest.fixture
def run(run_slot):
    """The reference model's fp32 pass; it is run once per session."""
    return run_slot(shared_slot(Places(os.environ)), "fp32")


@pytest.fixture
def reference(run):
    return shared_path("reference/squad-dev")


@pytest.fixture
def check_value(run, pytestconfig):
    """Compare a value with that of the reference; both are computed on the same data."""

    def check_value(quantity, score, expected):
        bound = TOLERANCES["fp32", f"reference {quantity}"].bound
        accuracy_table(pytestconfig).add(
            *(
                run.case,
                "pass" if abs(score - expected) <= bound else "fail",
                "reference",
                format_number(score),
            ),
            *(signed(score - expected, decimals_for(bound)), f"{bound:g}", quantity, format_number(expected)),
            *(NONE, NONE, NONE),
        )
        message = f"{quantity} {score:.6g}, reference {expected:.6g}, bound {bound:g}; {run.predict_command}"
        assert abs(score - expected) <= bound, message

    return check_value


def test_logits_equal_reference_logits(run, reference, check_value):
    outputs = run.prediction.run.outputs
    splits = run.prediction.dataset.features.row_splits
    errors = []
    with np.load(reference / "logits.npz") as expected:
        for name in ("start_logits", "end_logits"):
            logits = expected[name]
            real = np.arange(logits.shape[1]) < np.diff(splits)[:, None]
            errors.append(np.abs(outputs[name] - logits[real]).max())
    check_value("logit error", float(np.max(errors)), 0.0)


def test_answers_equal_reference_answers(run, reference, check_value):
    expected = read_json(reference / "predictions.json")
    answers = run.prediction.outcome.predictions.predictions
    assert answers.keys() == expected.keys()
    equal = np.mean([answers[qas_id] == answer for qas_id, answer in expected.items()])
    check_value("answers", float(equal), 1.0)


def test_f1_equals_reference_f1(run, reference, check_value):
    expected = read_json(reference / "scores.json")["fp32"]["f1"]
    check_value("f1", run.prediction.outcome.scores["f1"], expected)
