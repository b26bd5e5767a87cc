"""Scores computed from items equal those of the whole data set."""

import numpy as np
import pytest
import scipy.stats

from bertbench.evaluation.items import Items, lower_is_better

pytestmark = pytest.mark.unit


def test_scores_of_items_equal_values_calculated_by_hand():
    items = Items.numbered(
        {
            "f1": np.array([100.0, 0.0, 50.0]),
            "masked_lm_hits": np.array([3.0, 1.0, 0.0]),
            "masked_lm_count": np.array([4.0, 4.0, 2.0]),
            "predictions": np.array([1, 0, 1]),
            "labels": np.array([1, 1, 1]),
        }
    )
    assert items.score("f1") == 50
    assert items.score("masked_lm_accuracy") == pytest.approx(4 / 10)
    assert items.score("accuracy") == pytest.approx(2 / 3)
    assert items.score("matthews_correlation") == 0
    assert items.size("f1") == 3
    assert items.size("masked_lm_accuracy") == 10


def test_statistic_of_many_samples_equals_statistic_of_each():
    generator = np.random.default_rng(0)
    predictions, labels = generator.normal(size=(2, 5, 30)).round(1)
    statistic, _ = Items.numbered({"predictions": predictions[0], "labels": labels[0]}).statistic("spearman")
    expected = [scipy.stats.spearmanr(*pair).statistic for pair in zip(predictions, labels, strict=True)]
    np.testing.assert_allclose(statistic(predictions, labels), expected, atol=1e-12)


def test_float32_values_are_summed_in_float64():
    """A million times a tenth, whose sum float32 would round."""
    tenths = np.full(1_000_000, 0.1, np.float32)
    items = Items.numbered({"f1": tenths, "masked_lm_hits": tenths, "masked_lm_count": np.ones_like(tenths)})
    exact = float(np.float32(0.1))
    assert items.score("f1") == pytest.approx(exact, rel=1e-12)
    assert items.score("masked_lm_accuracy") == pytest.approx(exact, rel=1e-12)


def test_score_without_its_values_raises_key_error():
    with pytest.raises(KeyError):
        Items.numbered({"f1": np.zeros(3)}).score("accuracy")


def test_items_are_sorted_into_order_of_other_items():
    items = Items(np.array(["b", "c", "a"]), {"f1": np.array([2.0, 3.0, 1.0])})
    other = Items(np.array(["a", "b", "c"]), {"f1": np.zeros(3)})
    aligned = items.in_order_of(other)
    assert aligned.ids.tolist() == ["a", "b", "c"]
    assert aligned.values["f1"].tolist() == [1, 2, 3]
    assert items.in_order_of(Items(np.array(["a", "b", "d"]), {})) is None


def test_lower_is_better_for_losses_and_errors():
    assert lower_is_better("masked_lm_loss")
    assert lower_is_better("logit error")
    assert not lower_is_better("f1")
