"""Compares the results of all engines."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.table import Table

from bertbench.config import ModelConfig
from bertbench.console import make_table
from bertbench.data.features import Features
from bertbench.errors import CannotJudge
from bertbench.measure.flops import encoder_products, total_flop
from bertbench.tasks.squad import SquadTask
from tools.peers.engines import OWN
from tools.peers.inputs import PADDED

# The largest difference of first logits, as a share of the largest one, that rounding can explain.
AGREEMENT = {"fp32": 1e-3, "bf16": 0.1}


@dataclass
class Row:
    """One engine, precision and setup, with the seconds of each round."""

    engine: str
    precision: str
    setup: str
    seconds: list[float] = field(default_factory=list)


def check_agreement(precision: str, logits: Sequence[tuple[str, np.ndarray]]) -> None:
    """Compare the first window's logits of all engines with those of the first engine.

    Raises:
      CannotJudge: one differs more than rounding explains.
    """
    for name, values in logits[1:]:
        first, expected = logits[0]
        apart = float(np.abs(values - expected).max() / np.abs(expected).max())
        if apart > AGREEMENT[precision]:
            raise CannotJudge(f"{name} and {first} differ by {apart:.3g} in {precision}: not the same model.")


def result_table(rows: Sequence[Row], features: Features, config: ModelConfig, mode: str) -> Table:
    """One row per engine, precision and setup; GFLOP/s count the operations for real tokens."""
    tokens = int(features.lengths.sum())
    products = [
        *encoder_products(config, features.lengths),
        *SquadTask().head_products(config, examples=len(features), tokens=tokens),
    ]
    needed = total_flop(products, mode) / 1e9
    own = {row.precision: row for row in rows if _is_own_best(row)}
    cells = []
    for row in rows:
        seconds = statistics.median(row.seconds)
        cells.append(
            (
                f"{row.engine} {row.precision} {row.setup}",
                f"{len(features) / seconds:.2f}",
                f"{tokens / seconds:.0f}",
                f"{needed / seconds:.1f}",
                f"{speed_ratio(own[row.precision], row):.2f}",
            )
        )
    title = f"{len(features)} windows of {tokens / len(features):.0f} tokens on average, {mode}"
    return make_table(title, ("engine", "windows/s", "tokens/s", "model GFLOP/s", f"{OWN} / this"), cells)


def summarize(rows: Sequence[Row]) -> Iterator[str]:
    """Compare this engine's batching with the best other engine, for each precision and setup."""
    for own in filter(_is_own_best, rows):
        others = [row for row in rows if row.engine != OWN and row.precision == own.precision]
        for padded in (True, False):
            peers = [row for row in others if (row.setup == PADDED) == padded]
            if peers:
                best = min(peers, key=lambda row: statistics.median(row.seconds))
                yield (
                    f"{OWN} {own.precision} {own.setup} is {speed_ratio(own, best):.2f} times "
                    f"the best peer {best.setup}, {best.engine}"
                )


def speed_ratio(own: Row, other: Row) -> float:
    """How many times as fast `own` is: the median over paired rounds."""
    return statistics.median(theirs / ours for ours, theirs in zip(own.seconds, other.seconds, strict=True))


def _is_own_best(row: Row) -> bool:
    return row.engine == OWN and row.setup != PADDED
