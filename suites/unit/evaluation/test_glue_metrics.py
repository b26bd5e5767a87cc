"""GLUE's metrics against hand computation, and the written files against the formats they are read in."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bertbench.errors import CannotJudge
from bertbench.evaluation.glue_metrics import class_probabilities, glue_scores, mean_loss
from bertbench.evaluation.result_files import write_eval_results, write_submission, write_test_results

pytestmark = pytest.mark.unit

binary = hnp.arrays(np.int32, 40, elements=st.integers(0, 1))


@given(binary, binary)
def test_classification_scores_equal_their_definitions(predictions, labels):
    true_positive = sum(p == 1 and y == 1 for p, y in zip(predictions, labels, strict=True))
    true_negative = sum(p == 0 and y == 0 for p, y in zip(predictions, labels, strict=True))
    false_positive = sum(p == 1 and y == 0 for p, y in zip(predictions, labels, strict=True))
    false_negative = sum(p == 0 and y == 1 for p, y in zip(predictions, labels, strict=True))
    positives = 2 * true_positive + false_positive + false_negative
    product = (
        (true_positive + false_positive)
        * (true_positive + false_negative)
        * (true_negative + false_positive)
        * (true_negative + false_negative)
    )
    expected = {
        "accuracy": (true_positive + true_negative) / 40,
        "f1": 2 * true_positive / positives if positives else 0.0,
        "matthews_correlation": (
            (true_positive * true_negative - false_positive * false_negative) / math.sqrt(product)
            if product
            else 0.0
        ),
    }
    scores = glue_scores(("accuracy", "f1", "matthews_correlation"), predictions, labels)
    assert list(scores) == list(expected)
    assert scores == pytest.approx(expected, abs=1e-12)


def test_correlations_equal_values_calculated_by_hand():
    labels = np.array([0.0, 1.0, 2.0, 3.0])
    predictions = np.array([0.0, 1.0, 1.0, 4.0], np.float32)
    # Pearson: covariance sum 6, squares 5 and 9; Spearman: ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
    assert glue_scores(("pearson", "spearman"), predictions, labels) == pytest.approx(
        {"pearson": 6 / math.sqrt(45), "spearman": 4.5 / math.sqrt(5 * 4.5)}, abs=1e-12
    )


def test_correlation_is_computed_in_float64():
    labels = np.linspace(0.1, 4.9, 50, dtype=np.float32)
    predictions = np.sqrt(labels)
    x, y = (values.astype(np.float64) - values.astype(np.float64).mean() for values in (predictions, labels))
    expected = (x @ y) / math.sqrt((x @ x) * (y @ y))
    assert glue_scores(("pearson",), predictions, labels)["pearson"] == pytest.approx(expected, abs=1e-12)


def test_correlation_of_constant_predictions_is_zero():
    assert glue_scores(("pearson", "spearman"), np.full(3, 2.5, np.float32), np.arange(3.0)) == {
        "pearson": 0.0,
        "spearman": 0.0,
    }


def test_empty_and_non_finite_predictions_are_rejected():
    with pytest.raises(CannotJudge, match="no example"):
        glue_scores(("accuracy",), np.zeros(0), np.zeros(0))
    with pytest.raises(CannotJudge, match="not finite"):
        glue_scores(("pearson",), np.array([1.0, np.nan]), np.array([1.0, 2.0]))
    with pytest.raises(CannotJudge, match="not finite"):
        class_probabilities(np.array([[0.0, np.inf]]))


def test_class_probabilities_equal_softmax_by_hand():
    probabilities = class_probabilities(np.array([[0.0, math.log(3.0)], [1000.0, 0.0]]))
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, [[0.25, 0.75], [1.0, 0.0]], rtol=1e-7)


def test_mean_loss_equals_cross_entropy_or_squared_error_by_hand():
    logits = np.array([[0.0, math.log(3.0)], [1000.0, 0.0]])  # probabilities 1/4, 3/4; 1, 0
    assert mean_loss(logits, np.array([0, 0])) == pytest.approx(math.log(4) / 2)
    assert mean_loss(np.array([[1.0], [2.5]]), np.array([3.0, 2.0])) == pytest.approx((4 + 0.25) / 2)


def test_test_results_contain_shortest_float32_text(tmp_path):
    write_test_results(tmp_path / "test_results.tsv", np.array([[0.1, 0.9], [1 / 3, 2 / 3]], np.float32))
    assert (tmp_path / "test_results.tsv").read_text() == "0.1\t0.9\n0.33333334\t0.6666667\n"
    write_test_results(tmp_path / "scores.tsv", np.array([2.5, 0.1], np.float32))
    assert (tmp_path / "scores.tsv").read_text() == "2.5\n0.1\n"


def test_eval_results_are_sorted_by_name(tmp_path):
    write_eval_results(
        tmp_path / "eval_results.txt", {"global_step": 343, "eval_accuracy": 0.8039, "eval_loss": 0.5}
    )
    assert (tmp_path / "eval_results.txt").read_text() == (
        "eval_accuracy = 0.8039\neval_loss = 0.5\nglobal_step = 343\n"
    )


def test_submission_file_has_glue_format(tmp_path):
    write_submission(tmp_path / "RTE.tsv", np.array([1, 0]), ("entailment", "not_entailment"))
    assert (tmp_path / "RTE.tsv").read_text() == "index\tprediction\n0\tnot_entailment\n1\tentailment\n"
    write_submission(tmp_path / "STS-B.tsv", np.array([5.2, 3.14159, -0.1], np.float32), (), (0.0, 5.0))
    assert (tmp_path / "STS-B.tsv").read_text() == "index\tprediction\n0\t5.000\n1\t3.142\n2\t0.000\n"
