"""Where a series of measurements changed its level, found by ranks, which outliers cannot blind.

Outliers are set aside first: values far from the runs before them and from the runs after them. What remains
is split in two where the rank sums of both sides differ most (Pettitt 1979), and the parts again, as long as
that is significant (binary segmentation; Vostrikova 1981): random orders rarely reach it. A split stays if
the levels beside it differ clearly, after the slope that both sides share is taken out (Theil 1950, Sen
1968), so that drift is not taken for a change.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy  # scipy.stats, which takes a second, is loaded by its first use

from bertbench.gate.comparison import compare_unpaired

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MINIMUM_SEGMENT = 3
MINIMUM_SHIFT = 0.02
SIGNIFICANCE = 0.01
# Few runs cannot be that significant; of a shift of so many standard errors less is asked.
LARGE_SHIFT, SIGNIFICANCE_OF_LARGE = 6.0, 0.1
ORDERS = 999
MOST_RANKS = 400  # of an order; the largest difference of longer ones hardly exceeds that of these
OUTLIER, OUTLIER_SIDE = 5.0, 3  # standard deviations from the medians of so many runs on either side
LEAST_NOISE = 0.003
NEAR = 30  # runs on either side of a change that tell its levels


@dataclass(frozen=True)
class ChangePoint:
    """`index` is the first run at the new level; `before` and `after` are the levels beside it.

    `interval` is the 95 % bootstrap interval of the relative shift; `p_value` the share of random orders of
    the runs between the neighboring changes in which two parts differ as much.
    """

    index: int
    before: float
    after: float
    interval: tuple[float, float]
    p_value: float

    @property
    def shift(self) -> float:
        """The relative change of level."""
        return self.after / self.before - 1


def find_change_points(values: Sequence[float] | Floats) -> list[ChangePoint]:
    """The changes of level of at least 2 % in a series of positive values, in order."""
    logs = np.log(values)
    kept = np.flatnonzero(~_outliers(logs))
    logs = logs[kept]
    noise = _noise(logs)
    points = _split(logs, 0, len(logs), noise)
    while points:
        points = _relocate(logs, points)
        shifts = {
            point: _sure_shift(logs[left:point], logs[point:right], noise)
            for left, point, right in _neighbors(points, len(logs))
        }
        least = min(points, key=lambda point: abs(shifts[point]))
        if abs(shifts[least]) >= MINIMUM_SHIFT:
            break
        points.remove(least)
    return [
        _describe(int(kept[point]), logs[left:point], logs[point:right])
        for left, point, right in _neighbors(points, len(logs))
    ]


def _neighbors(points: Sequence[int], length: int) -> Iterator[tuple[int, int, int]]:
    """Each point between the one before and the one after it, or an end of the series."""
    return zip([0, *points], points, [*points[1:], length], strict=False)


def _noise(logs: Floats) -> float:
    """The standard deviation of a run, by the median of the differences of successive runs."""
    if len(logs) < 3:
        return LEAST_NOISE
    deviation = scipy.stats.median_abs_deviation(np.diff(logs), scale="normal")
    return max(LEAST_NOISE, float(deviation) / 2**0.5)


def _outliers(logs: Floats) -> npt.NDArray[np.bool_]:
    """Which values lie far from the medians of the runs before them and of the runs after them."""
    far = OUTLIER * _noise(logs)
    padding = np.full(OUTLIER_SIDE, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([padding, logs, padding]), OUTLIER_SIDE)
    distances = np.full((2, len(logs)), np.inf)
    for side, medians in enumerate((windows[: len(logs)], windows[OUTLIER_SIDE + 1 :])):
        known = ~np.isnan(medians).all(axis=1)
        distances[side, known] = np.abs(logs[known] - np.nanmedian(medians[known], axis=1))
    return distances.min(axis=0) > far


def _split(logs: Floats, start: int, stop: int, noise: float) -> list[int]:
    """The significant splits of a part, first to last."""
    if stop - start < 2 * MINIMUM_SEGMENT:
        return []
    differences = _rank_differences(scipy.stats.rankdata(logs[start:stop])[None])[0]
    point = start + MINIMUM_SEGMENT + int(differences.argmax())
    shift = abs(np.median(logs[start:point]) - np.median(logs[point:stop]))
    error = noise * (1 / (point - start) + 1 / (stop - point)) ** 0.5
    needed = SIGNIFICANCE_OF_LARGE if shift > LARGE_SHIFT * error else SIGNIFICANCE
    if _p_value(float(differences.max()), stop - start) > needed:
        return []
    return [*_split(logs, start, point, noise), point, *_split(logs, point, stop, noise)]


def _rank_differences(ranks: Floats) -> Floats:
    """The rank sums of rows [R, N], standardized, left of each split that leaves both sides long enough."""
    count = ranks.shape[1]
    left = np.arange(MINIMUM_SEGMENT, count - MINIMUM_SEGMENT + 1)
    sums = np.cumsum(ranks, axis=1)[:, left - 1] - left * (count + 1) / 2
    return np.abs(sums) / np.sqrt(left * (count - left) * (count + 1) / 12)


def _p_value(difference: float, count: int) -> float:
    """The share of random orders of `count` ranks with a largest difference of rank sums as large."""
    reached = np.count_nonzero(_largest_differences(min(count, MOST_RANKS)) >= difference * (1 - 1e-9))
    return (1 + reached) / (1 + ORDERS)


@functools.lru_cache(maxsize=512)
def _largest_differences(count: int) -> Floats:
    orders = np.tile(np.arange(1.0, count + 1), (ORDERS, 1))
    return _rank_differences(np.random.default_rng(count).permuted(orders, axis=1)).max(axis=1)


def _relocate(logs: Floats, points: Sequence[int]) -> list[int]:
    """Put each point where medians fit the stretch between its neighbors best."""
    edges = [0, *points, len(logs)]
    for place in range(1, len(edges) - 1):
        start, stop = max(edges[place - 1], edges[place] - NEAR), min(edges[place + 1], edges[place] + NEAR)
        candidates = range(start + MINIMUM_SEGMENT, stop - MINIMUM_SEGMENT + 1)
        if candidates:
            edges[place] = min(
                candidates, key=lambda point: _misfit(logs[start:point]) + _misfit(logs[point:stop])
            )
    return edges[1:-1]


def _misfit(logs: Floats) -> float:
    return float(np.abs(logs - np.median(logs)).sum())


def _sure_shift(before: Floats, after: Floats, noise: float) -> float:
    """The shift beyond the slope that both sides share; 0 where it is not significant."""
    before, after = before[-NEAR:], after[:NEAR]
    slope = _slope(before, after)
    before = before + slope * np.arange(len(before), 0, -1)
    after = after - slope * np.arange(len(after))
    shift = float(np.median(after[:, None] - before))
    error = noise * (1 / len(before) + 1 / len(after)) ** 0.5
    needed = SIGNIFICANCE_OF_LARGE if abs(shift) > LARGE_SHIFT * error else SIGNIFICANCE
    return shift if scipy.stats.mannwhitneyu(before, after).pvalue <= needed else 0.0


def _slope(*sides: Floats) -> float:
    """The median of the slopes between any two runs of the same side."""
    slopes = []
    for side in sides:
        first, second = np.triu_indices(len(side), 1)
        slopes.append((side[second] - side[first]) / (second - first))
    return float(np.median(np.concatenate(slopes)))


def _describe(index: int, before: Floats, after: Floats) -> ChangePoint:
    near = np.exp(before[-NEAR:]).tolist(), np.exp(after[:NEAR]).tolist()
    ranks = scipy.stats.rankdata(np.concatenate([before, after]))
    difference = _rank_differences(ranks[None]).max()
    return ChangePoint(
        index,
        before=float(np.median(near[0])),
        after=float(np.median(near[1])),
        interval=compare_unpaired(*near).interval,
        p_value=_p_value(float(difference), len(ranks)),
    )
