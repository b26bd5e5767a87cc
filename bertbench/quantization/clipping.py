"""Where to clip activations: the range that contains all but a few of their values.

Every method takes magnitudes and returns the value that becomes 127.
"""

from collections.abc import Callable

import numpy as np

from bertbench.kernels import INT8_LARGEST

_BINS = 8192
# Candidate ranges as shares of the largest value, down to where histogram bins are as wide as steps.
_SHARES = 2.0 ** -(np.arange(48) / 8)


def largest(magnitudes: np.ndarray) -> float:
    """The largest value: nothing is clipped."""
    return float(magnitudes.max())


def percentile(share: float) -> Callable[[np.ndarray], float]:
    """The percentile `share` of all values."""
    return lambda magnitudes: float(np.percentile(magnitudes, share))


def least_squares(magnitudes: np.ndarray) -> float:
    """The range with the least mean square error of rounding and clipping together."""
    counts, edges = np.histogram(magnitudes, _BINS)
    centers = (edges[:-1] + edges[1:]) / 2

    def error(limit: float) -> float:
        steps = np.minimum(np.rint(centers * (INT8_LARGEST / limit)), INT8_LARGEST)
        return float(counts @ (steps * (limit / INT8_LARGEST) - centers) ** 2)

    return min(_limits(magnitudes), key=error)


def least_divergence(magnitudes: np.ndarray) -> float:
    """The range whose clipped distribution diverges least from its version in 128 steps.

    Kullback and Leibler's divergence of the histogram up to the range, with the values beyond it added to the
    last bin, from one that is flat within each step (S. Migacz, "8-bit Inference with TensorRT", GTC 2017).
    """
    counts, edges = np.histogram(magnitudes, _BINS)

    def divergence(limit: float) -> float:
        bins = max(INT8_LARGEST + 1, int(np.searchsorted(edges, limit)))
        inside = counts[:bins].astype(np.float64)
        clipped = inside.copy()
        clipped[-1] += counts[bins:].sum()
        step = np.arange(len(inside)) * (INT8_LARGEST + 1) // len(inside)
        filled = np.bincount(step, inside > 0, INT8_LARGEST + 1)
        totals = np.bincount(step, inside, INT8_LARGEST + 1)
        flat = np.where(inside > 0, (totals / np.maximum(filled, 1))[step], 0.0)
        present = (clipped > 0) & (flat > 0)
        p, q = clipped[present] / clipped.sum(), flat[present] / flat.sum()
        missing = clipped[(clipped > 0) & (flat == 0)].sum() / clipped.sum()
        return float((p * np.log(p / q)).sum() + missing * np.log(1e9))

    return min(_limits(magnitudes), key=divergence)


def _limits(magnitudes: np.ndarray) -> list[float]:
    return [float(share) for share in magnitudes.max() * _SHARES]


METHODS: dict[str, Callable[[np.ndarray], float]] = {
    "max": largest,
    "99.999th percentile": percentile(99.999),
    "99.99th percentile": percentile(99.99),
    "99.9th percentile": percentile(99.9),
    "mean square error": least_squares,
    "entropy": least_divergence,
}
