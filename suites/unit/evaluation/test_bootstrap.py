"""Bootstrap intervals against distributions worked out exactly."""

import numpy as np
import pytest
import scipy.stats

from bertbench.evaluation.bootstrap import Interval, paired_bootstrap

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("second", "confidence", "expected"),
    [
        # two items: the mean is 0, 1/2, 1 with probability 1/4, 1/2, 1/4
        ([0, 1], 0.95, (0.0, 1.0)),
        ([0, 1], 0.4, (0.5, 0.5)),
        # three items: k/3 with the binomial probabilities 8/27, 12/27, 6/27, 1/27
        ([0, 0, 1], 0.95, (0.0, 1.0)),
        ([0, 0, 1], 0.90, (0.0, 2 / 3)),
        ([0, 0, 1], 0.2, (1 / 3, 1 / 3)),
        ([5, 5, 5], 0.95, (5.0, 5.0)),
        ([-2], 0.95, (-2.0, -2.0)),
    ],
)
def test_small_samples_exactly(second, confidence, expected):
    shift = 7.0 * np.arange(len(second))
    interval = paired_bootstrap(shift, shift + second, confidence=confidence)
    assert interval.mean == pytest.approx(np.mean(second))
    assert (interval.low, interval.high) == pytest.approx(expected)


def test_large_samples_approach_the_normal_interval():
    first, second = np.random.default_rng(5).normal(size=(2, 2000))
    difference = second - first
    margin = scipy.stats.norm.ppf(0.975) * difference.std() / np.sqrt(2000)
    interval = paired_bootstrap(first, second)
    assert interval.mean == pytest.approx(difference.mean())
    # 10,000 draws place a 2.5 % quantile within 4 % of the standard error (three standard deviations: 8 %)
    tolerance = 0.08 * margin / 1.96
    assert interval.low == pytest.approx(difference.mean() - margin, abs=tolerance)
    assert interval.high == pytest.approx(difference.mean() + margin, abs=tolerance)


def test_a_seed_repeats_and_another_differs():
    first, second = np.random.default_rng(7).normal(size=(2, 50))
    assert paired_bootstrap(first, second, seed=1) == paired_bootstrap(first, second, seed=1)
    assert paired_bootstrap(first, second, seed=1) != paired_bootstrap(first, second, seed=2)


def test_draws_in_parts_cover_every_resample(monkeypatch):
    """With one resample a part, each from the same generator, the draws are those of one part."""
    first, second = np.random.default_rng(11).normal(size=(2, 30))
    whole = paired_bootstrap(first, second, resamples=300)
    monkeypatch.setattr("bertbench.evaluation.bootstrap._DRAWS_AT_ONCE", 1)
    assert paired_bootstrap(first, second, resamples=300) == whole


def test_an_interval_knows_what_it_contains():
    interval = Interval(mean=0.5, low=-1.0, high=2.0)
    assert 0 in interval
    assert -1.0 in interval
    assert 2.5 not in interval
