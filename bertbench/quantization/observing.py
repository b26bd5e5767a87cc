"""Statistics of the sites' inputs on calibration data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bertbench.errors import InputError

ROWS = 1024  # kept for each site, to measure the errors of scales
_SEED = 13


@dataclass(frozen=True)
class Observation:
    """One site's input [T, I] on all calibration data.

    Attributes:
      largest: float32 [I], the largest magnitude of each channel.
      rows: float32 [R, I], tokens drawn at random.
    """

    largest: np.ndarray
    rows: np.ndarray


def observe(batches: Iterable[Mapping[str, np.ndarray]], tokens: int) -> dict[str, Observation]:
    """Observe each site's inputs in `batches`, which have `tokens` tokens; random draws are repeatable.

    Raises:
      InputError: a value is not finite.
    """
    generator = np.random.default_rng(_SEED)
    kept = np.sort(generator.choice(tokens, min(ROWS, tokens), replace=False))
    largest: dict[str, np.ndarray] = {}
    rows: dict[str, list[np.ndarray]] = {}
    start = 0
    for batch in batches:
        count = len(next(iter(batch.values())))
        drawn = kept[(kept >= start) & (kept < start + count)] - start
        start += count
        for site, values in batch.items():
            largest[site] = np.maximum(largest.get(site, np.float32(0)), np.abs(values).max(0))
            rows.setdefault(site, []).append(values[drawn])
    for site, values in largest.items():
        if not np.isfinite(values).all():
            raise InputError(
                f"{site}: its input is not finite on the calibration data; check the checkpoint."
            )
    return {site: Observation(largest[site], np.concatenate(rows[site])) for site in largest}
