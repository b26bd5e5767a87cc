"""The effect of chance on the difference between two scores of the same items.

Both take a score as a function of arrays [..., N] over their last axis, and its arrays [N] on either side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy  # scipy.stats, which takes a second, is loaded by its first use

Score = Callable[..., "np.ndarray"]
Values = Sequence["np.ndarray"]

CONFIDENCE = 0.95
RESAMPLES = 9999
SEED = 20240229
_DECIMALS = 10  # sums in another order differ by less
_DRAWS_AT_ONCE = 4_000_000


class Interval(NamedTuple):
    """The bounds of a confidence interval."""

    low: float
    high: float


def difference_interval(score: Score, base: Values, head: Values, resamples: int = RESAMPLES) -> Interval:
    """The 95 % confidence interval of head minus base, over samples of the items.

    The bias-corrected and accelerated bootstrap (BCa) of Efron & Tibshirani, An Introduction to the Bootstrap
    (1993), chapter 14: unlike the percentile interval, it keeps its coverage if only a few items differ.
    """

    def difference(*values: np.ndarray, axis: int) -> np.ndarray:
        return _subtract(score, values[: len(base)], values[len(base) :])

    count = len(base[0])
    if count < 2 or not changed_items(base, head).any():  # every draw is the same
        return Interval(*2 * (float(_subtract(score, base, head)),))
    data, options = (*base, *head), {"paired": True, "confidence_level": CONFIDENCE, "batch": _batch(count)}
    drawn = scipy.stats.bootstrap(
        data, difference, n_resamples=resamples, method="percentile", rng=SEED, **options
    )
    if np.ptp(drawn.bootstrap_distribution) > 0:  # else the difference of every item is the same
        drawn = scipy.stats.bootstrap(
            data, difference, n_resamples=0, bootstrap_result=drawn, method="BCa", **options
        )
    low, high = map(float, drawn.confidence_interval)
    return Interval(low, high)


def exchange_p_value(score: Score, base: Values, head: Values, resamples: int = RESAMPLES) -> float:
    """The one-sided p-value: the probability of a difference at least this large if the sides are alike.

    Then each item's values could as well have come from the other side: the permutation test of
    Fisher, The Design of Experiments (1935), section 21, exact where up to 13 items differ.
    """
    changed = np.flatnonzero(changed_items(base, head))
    if len(changed) < 2:
        return 1 / 2 ** len(changed)
    pooled = [
        np.concatenate([before[changed], after[changed]]) for before, after in zip(base, head, strict=True)
    ]

    def side(values: Values, index: np.ndarray) -> list[np.ndarray]:
        taken = []
        for array, choices in zip(values, pooled, strict=True):
            array = np.broadcast_to(array, (*index.shape[:-1], len(array))).copy()
            array[..., changed] = choices[index]
            taken.append(array)
        return taken

    def difference(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
        return _subtract(score, side(base, first), side(head, second))

    number = np.arange(len(changed))
    tested = scipy.stats.permutation_test(
        (number, number + len(changed)),
        difference,
        permutation_type="samples",
        alternative="less" if _subtract(score, base, head) < 0 else "greater",
        n_resamples=resamples,
        batch=_batch(len(base[0])),
        vectorized=True,
        rng=SEED,
    )
    return float(tested.pvalue)


def changed_items(base: Values, head: Values) -> np.ndarray:
    """bool [N], whether any value of an item differs between the sides."""
    return np.any([before != after for before, after in zip(base, head, strict=True)], axis=0)


def _subtract(score: Score, base: Values, head: Values) -> np.ndarray:
    return np.round(score(*head) - score(*base), _DECIMALS)


def _batch(count: int) -> int:
    return max(1, _DRAWS_AT_ONCE // count)
