"""The machine's limit as the model meets it: how fast its own matrix products run alone.

The products are those of activations with weights ("linear" in `bertbench.measure.flops`), at the model's
shapes, in its compute dtype, as plain `tf.matmul` over contiguous arrays; in training also the two products
of the backward pass, each with one operand transposed. Attention's products are small and slower, so leaving
them out can only raise the limit, and efficiency is never flattered.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from bertbench.measure.flops import Product

REPEATS = 3
# A call computes at least this much, so that TensorFlow's cost of a call does not count.
LEAST_FLOP = 2e8
MOST_COPIES = 32
# Below this share of the work a shape is left out.
LEAST_SHARE = 0.002


@dataclass(frozen=True)
class Shape:
    """One measured product: [rows, inner] x [inner, columns], maybe with an operand stored transposed."""

    rows: int
    inner: int
    columns: int
    transpose: str = ""

    @property
    def flop(self) -> int:
        """Floating-point operations of one product."""
        return 2 * self.rows * self.inner * self.columns

    def __str__(self) -> str:
        marks = [f"{'ᵀ' if self.transpose == side else ''}" for side in "ab"]
        return f"[{self.rows}, {self.inner}]{marks[0]} x [{self.inner}, {self.columns}]{marks[1]}"


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
    """Measures the limit again and again beside the model's rounds.

    Attributes:
      rounds: GFLOP/s of each measurement: the best of `REPEATS` calls of each shape, weighted by the
        model's work in it.
    """

    def __init__(self, products: Sequence[Product], mode: str, dtype: tf.DType) -> None:
        """Make the operands.

        Args:
          products: a batch's forward products. mode: inference or training. dtype: the compute dtype.
        """
        self._shares = peak_shapes(products, mode)
        self._calls = {shape: _Call(shape, dtype) for shape in self._shares}
        self._best = dict.fromkeys(self._shares, 0.0)
        self.rounds: list[float] = []

    def measure(self) -> float:
        """Measure every shape once more; returns GFLOP/s."""
        rates = {shape: call.measure() for shape, call in self._calls.items()}
        for shape, rate in rates.items():
            self._best[shape] = max(self._best[shape], rate)
        self.rounds.append(weigh_rates(self._shares, rates))
        return self.rounds[-1]

    @property
    def by_shape(self) -> dict[Shape, tuple[float, float]]:
        """Each shape's share of the work and the best GFLOP/s of all rounds."""
        return {shape: (share, self._best[shape]) for shape, share in self._shares.items()}


def weigh_rates(shares: dict[Shape, float], rates: dict[Shape, float]) -> float:
    """The rate of all work together: the harmonic mean of `rates`, weighted by `shares`."""
    return 1.0 / sum(share / rates[shape] for shape, share in shares.items())


class _Call:
    """A graph with as many independent products of one shape as make a call worth timing."""

    def __init__(self, shape: Shape, dtype: tf.DType) -> None:
        copies = min(MOST_COPIES, math.ceil(LEAST_FLOP / shape.flop))
        transposed = {"transpose_a": shape.transpose == "a", "transpose_b": shape.transpose == "b"}
        left = (shape.inner, shape.rows) if transposed["transpose_a"] else (shape.rows, shape.inner)
        right = (shape.columns, shape.inner) if transposed["transpose_b"] else (shape.inner, shape.columns)
        self._flop = shape.flop * copies
        self._left = _random(left, dtype)
        self._rights = [_random(right, dtype) for _ in range(copies)]

        def multiply(a: tf.Tensor, *rights: tf.Tensor) -> list[tf.Tensor]:
            return [tf.matmul(a, b, **transposed) for b in rights]

        self._graph = tf.function(multiply).get_concrete_function(self._left, *self._rights)
        self._graph(self._left, *self._rights)

    def measure(self) -> float:
        """The best of some calls, in GFLOP/s."""
        return self._flop / min(self._time() for _ in range(REPEATS)) / 1e9

    def _time(self) -> float:
        start = time.perf_counter()
        results = self._graph(self._left, *self._rights)
        elapsed = time.perf_counter() - start
        del results
        return elapsed


def _random(shape: tuple[int, int], dtype: tf.DType) -> tf.Tensor:
    return tf.cast(tf.random.stateless_normal(shape, (shape[0], shape[1])), dtype)
