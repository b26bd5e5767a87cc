"""The change between two sides, its interval and its p-value."""

import itertools
import math
import statistics

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats

from bertbench.gate.comparison import compare_paired, compare_unpaired
from bertbench.measure.rates import center
from suites.unit.gate.made_up_rounds import ROUNDS, noisy

pytestmark = pytest.mark.unit


@hypothesis.given(base=ROUNDS, head=ROUNDS)
def test_unpaired_change_equals_median_log_difference(base, head):
    differences = [math.log(b) - math.log(a) for a, b in itertools.product(base, head)]
    expected = math.exp(statistics.median(differences)) - 1
    assert compare_unpaired(base, head).change == pytest.approx(expected, rel=1e-9, abs=1e-12)


@hypothesis.given(pairs=st.lists(st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)), min_size=7, max_size=12))
def test_paired_change_equals_median_of_walsh_averages(pairs):
    ratios = [math.log(head / base) for base, head in pairs]
    averages = [(x + y) / 2 for x, y in itertools.combinations_with_replacement(ratios, 2)]
    expected = math.exp(statistics.median(averages)) - 1
    assert compare_paired(*zip(*pairs, strict=True)).change == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_p_values_of_complete_separation_equal_values_by_hand():
    unpaired = compare_unpaired([0.9, 0.91, 0.92, 0.93, 0.94], [0.8, 0.81, 0.82, 0.83, 0.84])
    assert unpaired.p_lower == pytest.approx(1 / math.comb(10, 5))
    paired = compare_paired(np.linspace(0.9, 0.97, 8), np.linspace(0.8, 0.86, 8))
    assert paired.p_lower == pytest.approx(1 / 2**8)


def test_interval_agrees_with_scipys_bootstrap():
    base, head = noisy(0.9, 0.03, 30, 1), noisy(0.85, 0.05, 30, 2)
    expected = scipy.stats.bootstrap(
        (np.log(base), np.log(head)),
        lambda a, b, axis: np.median(
            np.expand_dims(b, axis - 1) - np.expand_dims(a, axis), axis=(axis - 1, axis)
        ),
        n_resamples=4000,
        batch=500,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval
    assert compare_unpaired(base, head).interval == pytest.approx(np.expm1(expected), abs=0.002)


@pytest.mark.parametrize("paired", [False, True])
def test_comparison_is_scale_invariant_and_antisymmetric(paired):
    compare = compare_paired if paired else compare_unpaired
    base, head = noisy(0.9, 0.03, 12, 1), noisy(0.8, 0.05, 12, 2)
    forward, scaled, backward = compare(base, head), compare(base * 3, head * 3), compare(head, base)
    assert scaled.change == pytest.approx(forward.change)
    assert math.log1p(backward.change) == pytest.approx(-math.log1p(forward.change))
    assert backward.p_higher == pytest.approx(forward.p_lower)


def test_center_is_not_changed_by_one_outlier():
    assert center([0.9] * 9 + [0.01]) == pytest.approx(0.9)
