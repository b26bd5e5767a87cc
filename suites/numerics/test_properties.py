"""Properties of softmax and layer norm for any input, tested with hypothesis."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bertbench import kernels
from suites.numerics import checks, exact
from suites.numerics.checks import softmax
from suites.numerics.rows import EPSILON, row_sum_tolerance
from suites.numerics.ulp import BF16, FP32, FloatFormat, spacing, widen
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.numerics

KINDS = pytest.mark.parametrize("kind", [BF16, FP32], ids=["bf16", "fp32"])
VARIANTS = pytest.mark.parametrize("variant", ["float32", "optimized"])
SHAPE = (4, 16)
WIDTH = SHAPE[1]
ONES, ZEROS = tf.ones([WIDTH]), tf.zeros([WIDTH])

scores = arrays(np.float32, SHAPE, elements=st.floats(-1e4, 1e4, width=32))
# Halves up to 16, so that any sum with a whole number up to 32 is exact in bfloat16 too.
halves = arrays(np.int8, SHAPE, elements=st.integers(-32, 32)).map(lambda values: values / 2)
whole_numbers = st.integers(-32, 32)


def layer_norm(rows: np.ndarray) -> np.ndarray:
    return widen(kernels.layer_norm(tf.constant(rows), ONES, ZEROS, EPSILON).numpy())


def norm_error(normalized: np.ndarray, kind: FloatFormat) -> np.ndarray:
    """How far each element may be from the exact one, for gamma 1 and beta 0.

    An input, its difference from the first, their mean and the centered value may each be flushed to zero
    before they are divided by sqrt(epsilon) or more.
    """
    largest = np.abs(normalized).max(-1, keepdims=True) * np.ones_like(normalized)
    island = TOLERANCES["fp32", "layer_norm"].bound * spacing(largest, FP32)
    island += 4 * TOLERANCES["any", "flush to zero"].bound / np.sqrt(EPSILON)
    if kind is FP32:
        return island
    return island + TOLERANCES["bf16", "layer_norm"].bound * spacing(normalized, BF16)


@KINDS
@VARIANTS
@given(rows=scores)
def test_softmax_rows_are_nonnegative_and_sum_to_one(kind, variant, rows):
    checks.check_softmax_rows(kind, variant, rows)


@KINDS
@VARIANTS
@given(rows=scores)
def test_softmax_preserves_order(kind, variant, rows):
    rows = np.sort(rows.astype(kind.dtype), axis=-1)
    assert (np.diff(softmax(rows, variant)) >= 0).all()


@KINDS
@VARIANTS
@given(rows=halves, shift=whole_numbers)
def test_softmax_is_bitwise_shift_invariant(kind, variant, rows, shift):
    got = softmax(rows.astype(kind.dtype), variant)
    np.testing.assert_array_equal(softmax((rows + shift).astype(kind.dtype), variant), got)


@KINDS
@VARIANTS
@given(rows=scores, masked=arrays(np.bool_, SHAPE))
def test_masked_scores_have_weight_zero_and_masked_rows_are_finite(kind, variant, rows, masked):
    """Adding -1e9, as `attention_bias` does, to scores up to 1e4."""
    biased = tf.constant(rows.astype(kind.dtype)) + tf.constant(
        np.where(masked, -1e9, 0.0).astype(kind.dtype)
    )
    got = widen(kernels.softmax(biased, variant).numpy())
    assert np.isfinite(got).all()
    attends = ~masked.all(-1)
    assert (got[attends][masked[attends]] == 0).all()
    assert np.abs(got.sum(-1) - 1.0).max() / spacing(1.0, kind) <= row_sum_tolerance(kind, variant).bound


@KINDS
@given(rows=arrays(np.float32, SHAPE, elements=st.floats(-30, 30, width=32)))
def test_fully_masked_rows_have_equal_weights(kind, rows):
    bias = kernels.attention_bias(tf.zeros([1, WIDTH], tf.int32), tf.as_dtype(kind.dtype))[0, 0, : SHAPE[0]]
    got = softmax((tf.constant(rows.astype(kind.dtype)) + bias).numpy(), "float32")
    np.testing.assert_array_equal(got, 1 / WIDTH)


@KINDS
@given(rows=arrays(np.float32, SHAPE, elements=st.floats(-1e3, 1e3, width=32)))
def test_layer_norm_has_mean_zero_and_variance_one(kind, rows):
    rows = rows.astype(kind.dtype)
    normalized = exact.normalized(widen(rows), EPSILON)
    got, error = layer_norm(rows), norm_error(normalized, kind)
    assert (np.abs(got.mean(-1)) <= error.mean(-1)).all()
    variance = widen(rows).var(-1)
    shortfall = np.abs((got**2).mean(-1) - variance / (variance + EPSILON))
    assert (shortfall <= (2 * np.abs(normalized) * error + error**2).mean(-1) + 1e-9).all()


@KINDS
@given(rows=halves, shift=whole_numbers)
def test_layer_norm_is_bitwise_shift_invariant(kind, rows, shift):
    got = layer_norm(rows.astype(kind.dtype))
    np.testing.assert_array_equal(layer_norm((rows + shift).astype(kind.dtype)), got)


@KINDS
@given(rows=halves, exponent=st.integers(0, 20))
def test_layer_norm_is_bitwise_scale_invariant(kind, rows, exponent):
    """By powers of two, while epsilon is below half an ULP of the variance or the row is constant."""
    got = layer_norm(rows.astype(kind.dtype))
    np.testing.assert_array_equal(layer_norm((rows * 2.0**exponent).astype(kind.dtype)), got)


@given(
    rows=arrays(np.float32, SHAPE, elements=st.floats(-10, 10, width=32)),
    offset=st.floats(-1e6, 1e6, width=32),
)
def test_layer_norm_is_accurate_with_large_offsets(rows, offset):
    """The difference of large means that cancels in E[x^2] - E[x]^2 and in a rounded mean."""
    rows = rows + np.float32(offset)
    normalized = exact.normalized(widen(rows), EPSILON)
    assert (np.abs(layer_norm(rows) - normalized) <= norm_error(normalized, FP32)).all()


@KINDS
@given(value=st.floats(-1e6, 1e6, width=32))
def test_layer_norm_of_a_constant_row_is_zero(kind, value):
    got = layer_norm(np.full(SHAPE, value).astype(kind.dtype))
    np.testing.assert_array_equal(got, 0.0)
