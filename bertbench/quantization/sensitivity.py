"""The choice of sites that stay in floats because int8 changes the model's outputs too much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bertbench.int8 import Site

# Of the model's outputs; docs/int8.md shows what it does to scores.
LARGEST_ERROR = 0.1


def output_error(exact: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> float:
    """The error of outputs: the root mean square of the relative errors of all by name.

    The relative error is that of the sum of squares, to the spread of the exact values about their mean, so
    that 1 is the error of constant outputs. Outputs with constant exact values do not count.
    """
    squares = []
    for name, values in exact.items():
        wide = np.asarray(values, np.float64)
        if spread := np.square(wide - wide.mean()).sum():
            squares.append(np.square(outputs[name] - wide).sum() / spread)
    return float(np.sqrt(np.mean(squares))) if squares else 0.0


def choose_left(
    sites: Sequence[Site], error_of: Callable[[Sequence[Site]], float], limit: float = LARGEST_ERROR
) -> tuple[dict[str, float], float]:
    """The sites to leave in floats, so that the error of the others together is within a limit.

    If the error of all is, none is left. Otherwise each site is tried alone, and those with the largest
    squared error per work are left first, because errors of many sites add in squares.

    Args:
      error_of: the error of the outputs with these sites in int8.
    Returns: the error that each of those that are left gives alone, by name, and that of all others together.
    """
    kept = list(sites)
    total = error_of(kept)
    if total <= limit:
        return {}, total
    alone = {site.name: error_of([site]) for site in sites}
    kept.sort(key=lambda site: alone[site.name] ** 2 / site.weights)
    left: dict[str, float] = {}
    while kept and total > limit:
        site = kept.pop()
        left[site.name] = alone[site.name]
        total = error_of(kept)
    return left, total
