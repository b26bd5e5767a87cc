"""The definitions of rate, efficiency and center, for all tables and verdicts.

A round is one call of the model with the GEMM peak measured before and after it. Its limit is the higher of
the two, and its efficiency the model's GFLOP/s over that limit. The efficiency of a run is the center of its
rounds' efficiencies: drift of the machine affects a round and its limit equally and cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from bertbench.formatting import percent

# The peak is the best of several calls in the fastest way available, so that a product may exceed it only by
# the scatter of the clock.
PEAK_LEEWAY = 1.02
LEGEND = (
    "Efficiency is the center, over all rounds, of the model's GFLOP/s over the GEMM peak measured with "
    "that round: its own products alone, in the fastest way available. The machine peak is the fastest "
    "product "
    "of any shape."
)


def round_limits(peaks: Sequence[float]) -> list[float]:
    """The limit of each round [N] from the peaks [N + 1] around them."""
    return [max(before, after) for before, after in pairwise(peaks)]


def beats_peak(rate: float, peak: float) -> bool:
    """Whether a rate exceeds the stated peak by more than `PEAK_LEEWAY`, which no product can."""
    return rate > PEAK_LEEWAY * peak


def doubts(efficiency: float) -> Iterator[str]:
    """What is wrong with an efficiency that cannot be."""
    if beats_peak(efficiency, 1.0):
        yield (
            f"efficiency {percent(efficiency)} is above {percent(PEAK_LEEWAY, 0)}, so the model or its GEMM "
            "peak was measured wrongly; measure again on an idle machine"
        )


def center(values: Sequence[float]) -> float:
    """The Hodges-Lehmann center of positive values, on the logarithmic scale (Hodges and Lehmann 1963).

    Like a median, it is robust against outliers on a shared machine, but needs a quarter fewer rounds for
    the same spread.
    """
    return float(np.exp(walsh_median(np.log(values)[None])[0]))


def walsh_median(values: np.ndarray) -> np.ndarray:
    """[R] medians of the pairwise means (i <= j) of values [R, N]."""
    first, second = np.triu_indices(values.shape[1])
    return np.median((values[:, first] + values[:, second]) / 2, axis=1)
