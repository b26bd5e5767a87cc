"""Intervals and p-values of differences against distributions worked out exactly."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from bertbench.evaluation.glue_metrics import METRICS
from bertbench.evaluation.resampling import changed_items, difference_interval, exchange_p_value

pytestmark = pytest.mark.unit


def mean(values):
    return values.mean(-1)


def interval_of_mean(base, head):
    return difference_interval(mean, (np.asarray(base, float),), (np.asarray(head, float),))


@pytest.mark.parametrize("lost", [1, 2, 4, 8, 16])
def test_interval_of_few_lost_answers_equals_poisson_interval(lost):
    """Of many items few are lost: Poisson, whose exact limits are Garwood's (Biometrika 1936)."""
    base = np.full(1000, 100.0)
    head = base.copy()
    head[:lost] = 0
    low, high = interval_of_mean(base, head)
    most = scipy.stats.chi2.ppf(0.975, 2 * lost + 2) / 2
    fewest = scipy.stats.chi2.ppf(0.025, 2 * lost) / 2
    assert -10 * low == pytest.approx(most, abs=1.0)  # one answer is the least step
    assert -10 * high == pytest.approx(fewest, abs=1.0)


def test_interval_of_many_items_equals_normal_interval():
    first, second = np.random.default_rng(5).normal(size=(2, 2000))
    difference = second - first
    margin = scipy.stats.norm.ppf(0.975) * difference.std() / np.sqrt(2000)
    low, high = interval_of_mean(first, second)
    # 10,000 draws place a 2.5 % quantile within 4 % of the standard error (three standard deviations: 8 %),
    # and BCa shifts it by what they say of the bias, which is as uncertain
    tolerance = 0.16 * margin / 1.96
    assert low == pytest.approx(difference.mean() - margin, abs=tolerance)
    assert high == pytest.approx(difference.mean() + margin, abs=tolerance)


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ([1, 2, 3], [1, 2, 3], 0.0),
        ([1, 2, 3], [3, 4, 5], 2.0),  # the same of every item
        ([1], [3], 2.0),
    ],
)
def test_interval_of_constant_difference_has_zero_width(base, head, expected):
    assert interval_of_mean(base, head) == (expected, expected)


def test_p_value_of_losses_only_is_power_of_one_half():
    base, head = np.full(50, 100.0), np.full(50, 100.0)
    for lost in (1, 3, 7):
        head[:lost] = 0
        assert exchange_p_value(mean, (base,), (head,)) == pytest.approx(0.5**lost)
        assert exchange_p_value(mean, (head,), (base,)) == pytest.approx(0.5**lost)


def test_p_value_equals_share_of_all_exchanges():
    generator = np.random.default_rng(1)
    labels, base, head = generator.integers(0, 2, (3, 12))
    f1 = METRICS["f1"]
    observed = f1(head, labels) - f1(base, labels)
    differences = []
    for swap in itertools.product([False, True], repeat=12):
        first, second = np.where(swap, head, base), np.where(swap, base, head)
        differences.append(f1(second, labels) - f1(first, labels))
    extreme = sum(
        difference * math.copysign(1, observed) >= abs(observed) - 1e-9 for difference in differences
    )
    expected = extreme / len(differences)
    assert exchange_p_value(f1, (base, labels), (head, labels)) == pytest.approx(expected, abs=1e-9)


def test_resampling_is_deterministic():
    base, head = np.random.default_rng(7).normal(size=(2, 50))
    assert interval_of_mean(base, head) == interval_of_mean(base, head)
    once, again = (exchange_p_value(mean, (base,), (head,)) for _ in range(2))
    assert once == again


def test_item_counts_as_changed_when_any_value_differs():
    labels = np.array([1, 0, 1])
    changed = changed_items((np.array([1, 0, 1]), labels), (np.array([1, 1, 1]), labels))
    assert changed.tolist() == [False, True, False]
