"""The machine's limit for a model: the highest rate of its matrix products alone.

The products are those of activations with weights ("linear" in `bertbench.measure.flops`), at the model's
shapes and in its compute dtype; in training also the two products of the backward pass, each with one operand
transposed. Each runs in every available way (`bertbench.measure.gemm_ways`), small ones also
with more tokens, and some with spare columns (`bertbench.measure.fast_shapes`); the fastest way counts.
Attention's products are small and slower, so leaving them out can only raise the limit.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from bertbench.errors import CannotJudge
from bertbench.measure.fast_shapes import spare_columns
from bertbench.measure.flops import Product
from bertbench.measure.gemm_ways import Shape, Way, available_ways, forget_products, measure_product

# Below this share of the work a shape is left out.
LEAST_SHARE = 0.002
# The survey: every way once, then the fastest few again. Rounds measure the fastest one, and the few in turn.
FINALISTS, FINAL_CALLS = 4, 3
ROUND_CALLS, NEAR_CALLS = 2, 1
# Products of fewer tokens are also tried with this many, if that takes at most this long.
FEW_TOKENS, MANY_TOKENS = 512, 2048
MOST_FLOP = 3e10
# Square products for the peak of the machine; those that take longer are left out.
SQUARES = (512, 1024, 2048, 4096)
MOST_SECONDS = 0.3
# Of the largest square, which takes as long as all others, only the fastest ways so far.
LARGEST_WAYS = 2


@dataclass(frozen=True)
class Best:
    """The fastest of some products: its way, its shape and its GFLOP/s."""

    way: Way
    shape: Shape
    gflops: float


def peak_shapes(products: Sequence[Product], mode: str) -> dict[Shape, float]:
    """The shapes to be measured, with each one's share of their work.

    Args:
      products: a batch's forward products. mode: inference or training.
    Returns: shares that sum to 1.
    """
    work: dict[Shape, int] = {}
    for product in products:
        if product.kind != "linear" or not product.flop:
            continue
        m, k, n = product.rows, product.inner, product.columns
        shapes = [Shape(m, k, n)]
        if mode == "training":
            shapes += [Shape(m, n, k, "b"), Shape(k, m, n, "a")]
        for shape in shapes:
            work[shape] = work.get(shape, 0) + product.flop
    total = sum(work.values())
    work = {shape: flop for shape, flop in work.items() if flop >= LEAST_SHARE * total}
    total = sum(work.values())
    return {shape: flop / total for shape, flop in work.items()}


class GemmPeak:
    """Measures the limit repeatedly, with the model's rounds.

    Attributes:
      rounds: GFLOP/s of each measurement: the best of at least `ROUND_CALLS` calls of each shape in its best
        way, and of one in one of the few fastest ways, each in turn, weighted by the model's work in it.
      best: by shape of the model, the fastest call of all.
      machine: the fastest call of all shapes, squares included.
    """

    def __init__(self, products: Sequence[Product], mode: str, dtype: tf.DType) -> None:
        """Find the best way for each shape.

        Args:
          products: a batch's forward products. mode: inference or training. dtype: the compute dtype.
        """
        forget_products()
        self._dtype = dtype
        self.shares = peak_shapes(products, mode)
        surveys = {shape: survey((shape, *_others(shape, dtype)), dtype) for shape in self.shares}
        self.best = {shape: found[0] for shape, found in surveys.items()}
        self._near = {shape: itertools.cycle(found) for shape, found in surveys.items()}
        self.machine = max(find_machine_peak(dtype), *self.best.values(), key=lambda best: best.gflops)
        self.rounds: list[float] = []

    def measure(self) -> float:
        """Measure every shape once more; returns GFLOP/s.

        Raises:
          CannotJudge: a way does not work any more.
        """
        rates = {}
        for shape, best in self.best.items():
            # The survey may have met one way in a slow moment of the machine.
            near = next(self._near[shape])
            again = (
                _measure_again(best, self._dtype, ROUND_CALLS),
                _measure_again(near, self._dtype, NEAR_CALLS),
            )
            if not again[0].gflops:
                raise CannotJudge(f"the process that measures products ended at {best.shape}; measure again.")
            rates[shape] = max(found.gflops for found in again)
            self.best[shape] = max(best, *again, key=lambda found: found.gflops)
        self.machine = max(self.machine, *self.best.values(), key=lambda best: best.gflops)
        self.rounds.append(weigh_rates(self.shares, rates))
        return self.rounds[-1]

    @property
    def ways(self) -> dict[str, float]:
        """The share of the work for which each way won, the largest first."""
        shares: dict[str, float] = {}
        for shape, best in self.best.items():
            shares[best.way.name] = shares.get(best.way.name, 0.0) + self.shares[shape]
        return dict(sorted(shares.items(), key=lambda item: -item[1]))


def weigh_rates(shares: dict[Shape, float], rates: dict[Shape, float]) -> float:
    """The rate of the whole work: the harmonic mean of `rates`, weighted by `shares`."""
    return 1.0 / sum(share / rates[shape] for shape, share in shares.items())


def survey(shapes: Iterable[Shape], dtype: tf.DType, ways: Sequence[Way] = ()) -> list[Best]:
    """The fastest ways to compute one of these shapes, at most `FINALISTS`, the fastest first.

    Args:
      ways: those to try; by default all that are available.

    Raises:
      CannotJudge: no way works.
    """
    tried = [
        Best(way, shape, measure_product(shape, dtype, way, calls=1))
        for shape in shapes
        for way in ways or available_ways(dtype)
    ]
    finalists = sorted(tried, key=lambda best: -best.gflops)[:FINALISTS]
    if not finalists[0].gflops:
        raise CannotJudge(
            f"no product {finalists[0].shape} in {dtype.name} runs on this machine; see `bertbench doctor`."
        )
    finals = [
        max(found, _measure_again(found, dtype, FINAL_CALLS), key=lambda best: best.gflops)
        for found in finalists
    ]
    return sorted(finals, key=lambda best: -best.gflops)


def _measure_again(found: Best, dtype: tf.DType, calls: int) -> Best:
    gflops = measure_product(found.shape, dtype, found.way, calls)
    return dataclasses.replace(found, gflops=gflops)


@functools.cache
def find_machine_peak(dtype: tf.DType) -> Best:
    """The fastest square product; measured once per process."""
    fastest: list[Best] = []
    ways: list[Way] = []
    for size in SQUARES:
        shape = Shape(size, size, size)
        if fastest and shape.flop / fastest[-1].gflops / 1e9 > MOST_SECONDS:
            break
        found = survey([shape], dtype, ways[:LARGEST_WAYS] if size == SQUARES[-1] else ())
        ways = [best.way for best in found]
        fastest.append(found[0])
    return max(fastest, key=lambda best: best.gflops)


def _others(shape: Shape, dtype: tf.DType) -> Iterable[Shape]:
    """Shapes that may be faster: with more tokens, if it has few, and with a model's spare columns."""
    if shape.transpose == "a":
        tokens, grown = shape.inner, dataclasses.replace(shape, inner=MANY_TOKENS)
    else:
        tokens, grown = shape.rows, dataclasses.replace(shape, rows=MANY_TOKENS)
    if tokens < FEW_TOKENS and grown.flop <= MOST_FLOP:
        yield grown
    if not shape.transpose and dtype == tf.bfloat16 and (more := spare_columns(shape.inner)):
        yield dataclasses.replace(shape, inner=shape.inner + more)
