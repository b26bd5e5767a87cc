"""What the rounds of all engines say, side by side."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.table import Table

from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.errors import CannotJudge
from bertbench.formatting import NONE, format_number
from bertbench.measure.flops import encoder_products, total_flop
from bertbench.measure.machine import read_machine
from bertbench.measure.timing import latency_percentiles
from bertbench.precision import BF16, INT8
from bertbench.quantization.sensitivity import output_error
from bertbench.tables import make_table
from bertbench.tasks.squad import SquadTask
from tools.peers.engines import OWN
from tools.peers.inputs import PADDED

PERCENTILES = ("p50", "p90")
SCORE = "SQuAD F1"
Scores = Mapping[tuple[str, str], float]  # by engine and precision
# How far the engines' logits may lie apart: rounding, not another model. In floats: the largest difference as
# a share of the largest logit. In int8 engines choose scales differently and clip outliers, so it is the root
# mean square of the differences as a share of the spread: sqrt(2) = 1.4 of unrelated logits, and the bound is
# half of that. After 24 layers of random weights ONNX Runtime's differed by 0.08 from float32's, and
# CTranslate2's by 0.42 on a CPU without VNNI; differences of two engines add in squares.
AGREEMENT = {"fp32": 1e-3, "bf16": 0.1, "int8": 0.7}


LATENCY_SETUPS = {True: "384 tokens", False: "real lengths"}


@dataclass
class Row:
    """One engine, precision and setup, with the seconds of each pass; see `Prepared.time`."""

    engine: str
    precision: str
    setup: str
    passes: list[list[float]] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        """Of each pass."""
        return [sum(calls) for calls in self.passes]

    @property
    def latency(self) -> dict[str, float]:
        """Seconds of a call by percentile."""
        return latency_percentiles([seconds for calls in self.passes for seconds in calls])

    @property
    def padded(self) -> bool:
        """Whether all windows are padded to 384."""
        return self.setup == PADDED


def check_agreement(precision: str, logits: Sequence[tuple[str, np.ndarray]]) -> None:
    """Hold the logits of all engines against the first engine's.

    Raises:
      CannotJudge: one lies further apart than rounding explains.
    """
    for name, values in logits[1:]:
        first, expected = logits[0]
        apart = _difference(precision, values, expected)
        if apart > AGREEMENT[precision]:
            raise CannotJudge(f"{name} and {first} differ by {apart:.3g} in {precision}: not the same model.")


def _difference(precision: str, values: np.ndarray, expected: np.ndarray) -> float:
    if precision == INT8.name:
        return output_error({"logits": expected}, {"logits": values})
    return float(np.abs(values - expected).max() / np.abs(expected).max())


def result_table(
    rows: Sequence[Row], features: Features, config: ModelConfig, mode: str, scores: Scores
) -> Table:
    """A row an engine, precision and setup; GFLOP/s count what the real tokens need."""
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
                _score(row, scores),
            )
        )
    columns = ("engine", "windows/s", "tokens/s", "model GFLOP/s", f"{OWN} / this", SCORE)
    return make_table(_title(features, mode), columns, cells)


def latency_table(rows: Sequence[Row], features: Features, scores: Scores) -> Table:
    """A row per engine, precision and setup; each window is a separate call."""
    own = {(row.precision, row.padded): row.latency["p50"] for row in rows if row.engine == OWN}
    cells = [
        (
            f"{row.engine} {row.precision}, {LATENCY_SETUPS[row.padded]}",
            *(
                NONE if name not in row.latency else format_number(1000 * row.latency[name])
                for name in PERCENTILES
            ),
            f"{own[row.precision, row.padded] / row.latency['p50']:.2f}",
            _score(row, scores),
        )
        for row in rows
    ]
    columns = ("engine", *(f"{name} ms" for name in PERCENTILES), f"p50 of {OWN} / this", SCORE)
    return make_table(_title(features, "latency of one window"), columns, cells)


def _title(features: Features, what: str) -> str:
    average = features.lengths.mean()
    return f"{len(features)} windows of {average:.0f} tokens on average, {what}, {read_machine().products}"


def _score(row: Row, scores: Scores) -> str:
    score = scores.get((row.engine, row.precision))
    return NONE if score is None else f"{score:.2f}"


def summarize(rows: Sequence[Row]) -> Iterator[str]:
    """This engine's own batching against the best of the others, in each precision and setup; int8's gain."""
    best = {row.precision: row for row in rows if _is_own_best(row)}
    if {INT8.name, BF16.name} <= best.keys():
        gain = speed_ratio(best[INT8.name], best[BF16.name])
        yield f"{OWN} {INT8} is {gain:.2f} times as fast as its {BF16}"
    for own in best.values():
        others = [row for row in rows if row.engine != OWN and row.precision == own.precision]
        for padded in (True, False):
            peers = [row for row in others if row.padded == padded]
            if peers:
                peer = min(peers, key=lambda row: statistics.median(row.seconds))
                yield (
                    f"{OWN} {own.precision} {own.setup} is {speed_ratio(own, peer):.2f} times "
                    f"the best peer {peer.setup}, {peer.engine}"
                )


def speed_ratio(own: Row, other: Row) -> float:
    """How many times as fast `own` is: the median over paired rounds."""
    return statistics.median(theirs / ours for ours, theirs in zip(own.seconds, other.seconds, strict=True))


def _is_own_best(row: Row) -> bool:
    return row.engine == OWN and not row.padded
