"""What bertbench calls a rate, an efficiency and a center: one definition each, for every table and verdict.

A round is one call of the model with the GEMM peak measured before and after it. Its limit is the higher of
the two, and its efficiency the model's GFLOP/s over that limit. The efficiency of a run is the center of its
rounds' efficiencies: drift of the machine touches a round and its limit alike and cancels.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

LEGEND = (
    "Efficiency is the center, over all rounds, of the model's GFLOP/s over the GEMM peak measured with "
    "that round: its own products alone, in the fastest way available. The machine peak is the fastest "
    "product "
    "of any shape."
)


def round_limits(peaks: Sequence[float]) -> list[float]:
    """The limit of each round [N] from the peaks [N + 1] around them."""
    return [max(before, after) for before, after in pairwise(peaks)]


def center(values: Sequence[float]) -> float:
    """The Hodges-Lehmann center of positive values, on the logarithmic scale (Hodges and Lehmann 1963).

    It is robust against outliers of a shared machine as a median does, and needs a quarter fewer rounds for
    the same spread.
    """
    return float(np.exp(walsh_median(np.log(values)[None])[0]))


def walsh_median(values: np.ndarray) -> np.ndarray:
    """[R] medians of the pairwise means (i <= j) of values [R, N]."""
    first, second = np.triu_indices(values.shape[1])
    return np.median((values[:, first] + values[:, second]) / 2, axis=1)
