"""Paired bootstrap: the confidence interval of a mean difference.

The percentile interval of Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the
differences of items under two conditions are resampled with replacement, and the mean is taken, many times.
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
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """The interval of the mean of `second - first`.

    Args:
      first, second: [N], N >= 1, the same items under two conditions.
      seed: makes the draws repeatable.
    """
    difference = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    means = _resampled_means(difference, resamples, np.random.default_rng(seed))
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(difference.mean()), float(low), float(high))


def _resampled_means(values: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """float64 [resamples], the means of resamples of the same size."""
    means = np.empty(resamples)
    step = max(1, _DRAWS_AT_ONCE // len(values))
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        means[start:stop] = values[generator.integers(len(values), size=(stop - start, len(values)))].mean(1)
    return means
