"""The gate on two results folders with scores: the verdict is that of the rule."""

import numpy as np
import pytest

from bertbench.evaluation.items import Items
from bertbench.gate.judging import exit_status, judge_sides
from bertbench.gate.result import VerdictKind
from bertbench.gate.sides import load_folder
from bertbench.results.item_files import write_items
from suites.unit.made_up_results import accuracy_case, comparison, write_accuracy

pytestmark = pytest.mark.unit


def write_side(folder, scores, **changes):
    """A results folder of one case with these scores by question."""
    f1 = float(np.mean(scores))
    case = accuracy_case(
        "fp32", f1, comparisons=[comparison("baseline", f1, f1)], per_question_scores="s.npz"
    )
    write_accuracy(folder, [case | changes])
    write_items(folder / "s.npz", Items.numbered({"f1": np.asarray(scores)}))
    return load_folder(folder)


def answers(right, count=800):
    return np.repeat([100.0, 0.0], [right, count - right])


@pytest.fixture
def compare(tmp_path):
    def compare(base, head, **changes):
        sides = write_side(tmp_path / "base", base), write_side(tmp_path / "head", head, **changes)
        return judge_sides(*sides, command="")

    return compare


@pytest.mark.parametrize(
    ("right", "outcome", "status"),
    [
        (600, VerdictKind.OK, 0),
        (550, VerdictKind.REGRESSION, 1),
        (650, VerdictKind.IMPROVEMENT, 0),
        (594, VerdictKind.UNCLEAR, 3),
    ],
)
def test_score_verdict_and_exit_status_follow_the_rule(compare, right, outcome, status):
    result = compare(answers(600), answers(right))
    (verdict,) = result.verdicts
    assert verdict.verdict == outcome
    assert exit_status(result) == status
    assert (verdict.base, verdict.head) == (75, right / 8)
    assert verdict.change == pytest.approx(right / 8 - 75)


NOTHING = {"expected": None, "difference": None, "interval": None, "verdict": "unclear"}
NO_BASELINE = comparison("baseline", 75.0, 75.0) | NOTHING
WORSE_THAN_FP32 = comparison("fp32", 75.0, 90.0, p_value=1e-4, verdict="fail")


@pytest.mark.parametrize(
    "suite",
    [
        {"comparisons": [NO_BASELINE], "verdict": "unclear"},
        {"comparisons": [WORSE_THAN_FP32], "verdict": "fail"},
    ],
)
def test_verdict_of_suite_on_head_does_not_cause_regression(compare, suite):
    """Base and head are equal; a missing baseline is none, and so is a loss that the base has too."""
    (verdict,) = compare(answers(600), answers(600), **suite).verdicts
    assert verdict.verdict == VerdictKind.OK


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkpoint_fingerprint": "other"}, "another checkpoint"),
        ({"dataset_sha256": "other"}, "another data set"),
        ({"per_question_scores": None}, "keeps no scores by item"),
    ],
)
def test_results_that_cannot_be_compared_are_unclear(compare, changes, message):
    result = compare(answers(600), answers(600), **changes)
    (verdict,) = result.verdicts
    assert verdict.verdict == VerdictKind.UNCLEAR
    assert message in verdict.detail
    assert exit_status(result) == 3


def test_different_instruction_set_is_reported(compare):
    (verdict,) = compare(answers(600), answers(600), instruction_set="oneDNN avx2").verdicts
    assert "computed by" in verdict.detail
