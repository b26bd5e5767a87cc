"""Where a series of measurements changed its level, by binary segmentation with a permutation test.

The statistic is the largest standardized difference of the means on either side of a split (CUSUM; Page
1954), segments are split in two as long as it is significant (binary segmentation; Vostrikova 1981), and
it is significant when random orders of the same values rarely reach it, which holds whatever their
distribution and its outliers (Matteson and James 2014).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

PERMUTATIONS = 399
SIGNIFICANCE = 0.01
MINIMUM_SEGMENT = 3
MINIMUM_SHIFT = 0.02
HOPELESS = 3.0  # a largest difference of fewer standard errors is never significant
SEED = 20240229


@dataclass(frozen=True)
class ChangePoint:
    """`index` is the first run at the new level; `before` and `after` are the medians of both levels."""

    index: int
    before: float
    after: float

    @property
    def shift(self) -> float:
        """The relative change of level."""
        return self.after / self.before - 1


def find_change_points(values: ArrayLike) -> list[ChangePoint]:
    """The changes of level of at least 2 % in a series of positive values, first to last."""
    logs = np.log(values)
    generator = np.random.default_rng(SEED)
    points = _relocate(logs, sorted(_split(logs, 0, len(logs), generator)))
    while True:
        found = _levels(np.asarray(values), points)
        small = [point.index for point in found if abs(point.shift) < MINIMUM_SHIFT]
        if not small:
            return found
        points.remove(small[0])


def _split(logs: np.ndarray, start: int, stop: int, generator: np.random.Generator) -> list[int]:
    segment = logs[start:stop]
    if len(segment) < 2 * MINIMUM_SEGMENT:
        return []
    differences = _differences(segment[None])[0]
    largest = differences.max()
    if largest < HOPELESS:
        return []
    shuffled = generator.permuted(np.tile(segment, (PERMUTATIONS, 1)), axis=1)
    reached = np.count_nonzero(_differences(shuffled).max(axis=1) >= largest)
    if (1 + reached) / (1 + PERMUTATIONS) > SIGNIFICANCE:
        return []
    point = start + MINIMUM_SEGMENT + int(differences.argmax())
    return [*_split(logs, start, point, generator), point, *_split(logs, point, stop, generator)]


def _differences(rows: np.ndarray) -> np.ndarray:
    """Standardized differences of means of rows [R, N] at each split that leaves both sides long enough."""
    count = rows.shape[1]
    left = np.arange(MINIMUM_SEGMENT, count - MINIMUM_SEGMENT + 1)
    centered = rows - rows.mean(axis=1, keepdims=True)
    sums = np.cumsum(centered, axis=1)[:, left - 1]
    deviation = centered.std(axis=1, keepdims=True)
    scale = np.sqrt(left * (count - left) / count)
    return np.abs(sums) / np.maximum(deviation * scale, np.finfo(float).tiny)


def _relocate(logs: np.ndarray, points: list[int]) -> list[int]:
    """Put each point where it splits the stretch between its neighbors best."""
    edges = [0, *points, len(logs)]
    for place in range(1, len(edges) - 1):
        start, stop = edges[place - 1], edges[place + 1]
        edges[place] = start + MINIMUM_SEGMENT + int(_differences(logs[None, start:stop])[0].argmax())
    return edges[1:-1]


def _levels(values: np.ndarray, points: list[int]) -> list[ChangePoint]:
    levels = [float(np.median(segment)) for segment in np.split(values, points)]
    return [
        ChangePoint(point, before, after)
        for point, before, after in zip(points, levels[:-1], levels[1:], strict=True)
    ]
