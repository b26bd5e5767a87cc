"""Checks of kernels for the numerics tests and the tests with wrong kernels."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import tensorflow as tf

from bertbench import kernels
from bertbench.model.attention import attend
from suites.numerics.rows import row_sum_tolerance
from suites.numerics.ulp import FP32, FloatFormat, spacing, step, widen
from suites.tolerances import TOLERANCES

SHAPE = (128, 256)
COUNT = SHAPE[0] * SHAPE[1]
LARGEST_Z = TOLERANCES["any", "dropout z"].bound
ROWS, HEADS, TOKENS, SIZE = 3, 2, 24, 16
STEP = 1e-3
# f'(0) = sum of weight * f(place * h) / h + O(h^4) (Abramowitz & Stegun 1964, table 25.2).
DIFFERENCE = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))


def drop(x: np.ndarray, rate: float, seed: tuple[int, int]) -> np.ndarray:
    return kernels.dropout(tf.constant(x), rate, tf.constant(seed, tf.uint32)).numpy()


def kept_of_ones(rate: float, seed: tuple[int, int]) -> np.ndarray:
    return drop(np.ones(SHAPE, np.float32), rate, seed) != 0


def correlation_z(first: np.ndarray, second: np.ndarray) -> float:
    """The correlation of two masks in standard deviations of that of independent ones."""
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1] * np.sqrt(first.size))


def check_dropout_rate(rate: float, seed: tuple[int, int]) -> None:
    """The number of dropped elements is within the binomial interval."""
    dropped = COUNT - kept_of_ones(rate, seed).sum()
    z = (dropped - rate * COUNT) / np.sqrt(rate * (1 - rate) * COUNT)
    assert abs(z) <= LARGEST_Z


def check_masks_of_neighboring_seeds(seed: tuple[int, int], step: tuple[int, int]) -> None:
    """Not the same, nor the same shifted by a few places."""
    other = tuple((word + more) % 2**32 for word, more in zip(seed, step, strict=True))
    first, second = (kept_of_ones(0.1, pair).ravel() for pair in (seed, other))
    for shift in range(-3, 4):
        assert abs(correlation_z(first, np.roll(second, shift))) <= LARGEST_Z


def softmax(rows: np.ndarray, variant: str) -> np.ndarray:
    return widen(kernels.softmax(tf.constant(rows), variant).numpy())


def check_softmax_rows(kind: FloatFormat, variant: str, rows: np.ndarray) -> None:
    """Every row is a distribution."""
    got = softmax(rows.astype(kind.dtype), variant)
    assert (got >= 0).all()
    assert (got <= 1).all()
    deviation = np.abs(got.sum(-1) - 1.0).max() / spacing(1.0, kind)
    assert deviation <= row_sum_tolerance(kind, variant).bound


def draw(seed: int, kind: FloatFormat, rows: int = ROWS) -> list[np.ndarray]:
    """Query, key and value, [rows, HEADS, TOKENS, SIZE]."""
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(rows, HEADS, TOKENS, SIZE)).astype(kind.dtype) for _ in range(3)]


def run(arrays: list[np.ndarray], sequence_ids: np.ndarray, variant: str) -> np.ndarray:
    query, key, value = (tf.constant(array) for array in arrays)
    bias = kernels.attention_bias(tf.constant(sequence_ids, tf.int32), query.dtype)
    return attend(query, key, value, bias, variant).numpy()


def row_of(lengths: tuple[int, ...]) -> np.ndarray:
    ids = np.repeat(np.arange(1, len(lengths) + 1), lengths)
    return np.pad(ids, (0, TOKENS - len(ids)))


def check_masked_positions(kind: FloatFormat, variant: str, seed: int, lengths: tuple[int, ...]) -> None:
    """Masked positions do not change a bit of the others."""
    arrays = draw(seed, kind)
    ids = np.array([row_of((length,)) for length in lengths])
    masked = (ids == 0)[:, None, :, None]
    changed = [
        np.where(masked, other, array) for array, other in zip(arrays, draw(seed + 1, kind), strict=True)
    ]
    before, after = (run(inputs, ids, variant) for inputs in (arrays, changed))
    real = np.broadcast_to(~masked, before.shape)
    np.testing.assert_array_equal(widen(before[real]), widen(after[real]))


def derivative_error(kernel: Callable, inputs: list[np.ndarray], direction: list[np.ndarray]) -> float:
    """The derivative along `direction` of a random weighting of the results: the kernel's own gradient's
    against that of differences, relative to the sum of the magnitudes that make it up.
    """
    tensors = [tf.constant(value) for value in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        result = kernel(*tensors)
        weights = np.random.default_rng(29).normal(size=result.shape)
        total = tf.reduce_sum(result * weights)
    gradients = tape.gradient(total, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    terms = [
        tf.convert_to_tensor(gradient).numpy() * along
        for gradient, along in zip(gradients, direction, strict=True)
    ]
    differences = 0.0
    for place, weight in DIFFERENCE:
        moved = [x + place * STEP * along for x, along in zip(inputs, direction, strict=True)]
        differences += weight * float(np.sum(kernel(*map(tf.constant, moved)).numpy() * weights)) / STEP
    magnitude = sum(np.abs(term).sum() for term in terms) + 1.0
    return abs(sum(term.sum() for term in terms) - differences) / magnitude


def check_quantizing_at_every_step(exponent: int) -> None:
    """Every whole number and a half that int8 holds, with its float32 neighbors, and beyond."""
    halves = (np.arange(-520, 521) / 2.0).astype(np.float32)
    x = np.concatenate([step(halves, offset, FP32) for offset in (-1, 0, 1)])
    expected = [max(-127, min(127, round(Fraction(float(value))))) for value in x]
    got = kernels.quantize(tf.constant(x[None] * np.float32(2.0**exponent)), tf.constant(2.0**-exponent))
    np.testing.assert_array_equal(got.numpy()[0], expected)
