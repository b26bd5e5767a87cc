"""Paired bootstrap: how far a mean difference could be chance.

The percentile interval of Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the
differences of items under two conditions are drawn anew with replacement, and their mean taken, many times.
"""

from dataclasses import dataclass

import numpy as np

_DRAWS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its confidence interval."""

    mean: float
    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def paired_bootstrap(
    first: np.ndarray,
    second: np.ndarray,
    *,
    clusters: np.ndarray | None = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """The interval of the mean of `second - first`.

    Args:
      first, second: [N], N >= 1, the same items under two conditions.
      clusters: [N] labels; items of one cluster are drawn together, for items that are not independent.
      seed: makes the draws repeatable.
    """
    difference = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    if clusters is None:
        clusters = np.arange(len(difference))
    _, cluster = np.unique(clusters, return_inverse=True)
    sums, sizes = np.bincount(cluster, weights=difference), np.bincount(cluster)
    means = _resampled_means(sums, sizes, resamples, np.random.default_rng(seed))
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(difference.mean()), float(low), float(high))


def _resampled_means(
    sums: np.ndarray, sizes: np.ndarray, resamples: int, generator: np.random.Generator
) -> np.ndarray:
    """float64 [resamples], the mean over items when as many clusters are drawn as there are."""
    means = np.empty(resamples)
    step = max(1, _DRAWS_AT_ONCE // len(sums))
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        drawn = generator.integers(len(sums), size=(stop - start, len(sums)))
        means[start:stop] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return means
