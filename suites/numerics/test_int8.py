"""Products of 8-bit integers against exact integer arithmetic in numpy, and conversion to int8 and back."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bertbench import kernels
from suites.numerics import checks, int8
from suites.numerics.ulp import BF16, FP32, all_bf16, float32_sweep, widen
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.numerics

KINDS = pytest.mark.parametrize("kind", [BF16, FP32], ids=["bf16", "fp32"])
GELUS = pytest.mark.parametrize("variant", ["tanh", "erf"])
EVERY = np.arange(-128, 128).astype(np.int8)
WIDTHS = (1, 2, 3, 16, 63, 64, 384, 1023, 1024, 1025, 4096)


@pytest.fixture(params=["oneDNN", "float32"])
def products(request, monkeypatch) -> str:
    """Each implementation of products, whether this machine uses it or not."""
    monkeypatch.setattr("bertbench.kernels._quantized.int8_products", lambda: request.param)
    return request.param


def largest_weight(products: str) -> int:
    """128; 64 where oneDNN adds pairs up in 16 bits, enough for 2 x 255 x 64, but not for 65."""
    return 128 if products == kernels.int8_products() or products == "float32" else 64


def weights_of(products: str) -> np.ndarray:
    return EVERY[np.abs(EVERY.astype(int)) <= largest_weight(products)]


def test_product_of_every_int8_pair_is_exact(products):
    """All 65,536 pairs, alone."""
    weights = weights_of(products)
    got = int8.multiply(EVERY[:, None], weights[None])
    np.testing.assert_array_equal(got, np.multiply.outer(EVERY.astype(int), weights.astype(int)))


@pytest.mark.parametrize("place", [0, 1, 31, 62, 63])
def test_every_int8_pair_inside_wide_product_is_exact(products, place):
    """Beside 63 zeros, at places that vector code treats differently."""
    weights = weights_of(products)
    x, kernel = np.zeros((256, 64), np.int8), np.zeros((64, len(weights)), np.int8)
    x[:, place], kernel[place] = EVERY, weights
    np.testing.assert_array_equal(
        int8.multiply(x, kernel), np.multiply.outer(EVERY.astype(int), weights.astype(int))
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("rows", [1, 5, 64])
def test_int8_sums_are_exact(products, width, rows):
    """Of random numbers, and of the largest, whose sums saturate 16 bits; rounded once to float32."""
    largest = largest_weight(products)
    for x, kernel in int8.operands(rows, width, largest):
        exact = x.astype(np.int64) @ kernel.astype(np.int64)
        np.testing.assert_array_equal(int8.multiply(x, kernel), exact.astype(np.float32))


@KINDS
def test_int8_dense_error_is_within_bound(kind, check_report):
    """With scales and bias, as this machine computes it."""
    check_report(int8.measure_dense(kind))


@KINDS
@GELUS
def test_error_of_gelu_of_int8_product_is_within_bound(kind, variant, check_report):
    check_report(int8.measure_dense_gelu(kind, variant))


@GELUS
def test_gelu_of_int8_product_as_int8_is_nearest_step(products, variant):
    int8.check_gelu_as_int8(variant, largest_weight=largest_weight(products))


def test_default_int8_products_are_exact_for_extreme_values():
    """The implementation that this machine uses, on the numbers that saturate 16 bits."""
    x = np.full((4, 256), 127, np.int8)
    x[1], x[2, ::2] = -127, -127
    kernel = np.full((256, 4), 127, np.int8)
    kernel[:, 1], kernel[::2, 2] = -127, -127
    np.testing.assert_array_equal(int8.multiply(x, kernel), x.astype(int) @ kernel.astype(int))


@pytest.mark.parametrize("exponent", [-20, -3, 0, 4])
def test_quantizing_rounds_half_to_even_at_every_step(exponent):
    checks.check_quantizing_at_every_step(exponent)


@KINDS
def test_quantized_value_is_nearest_step_for_all_values(kind):
    """All bfloat16 values, a sweep of float32: the nearest step, or the last; NaN gives 0."""
    x = all_bf16() if kind is BF16 else float32_sweep(stride=8191)
    multiplier = np.float32(37.3)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.rint(x.astype(np.float32) * multiplier)
        expected = np.where(np.isnan(steps), 0, np.clip(steps, -127, 127))
    got = kernels.quantize(tf.constant(x[None]), tf.constant(multiplier)).numpy()[0]
    np.testing.assert_array_equal(got, expected)


def test_quantization_keeps_zero_and_is_symmetric():
    x = tf.constant([[0.0, -0.0, 1e-40, np.inf, -np.inf, np.nan, 3.4e38, -3.4e38]])
    got = kernels.quantize(x, tf.constant(127.0)).numpy()[0]
    np.testing.assert_array_equal(got, [0, 0, 0, 127, -127, 0, 127, -127])


@KINDS
@given(
    x=arrays(np.float32, (4, 16), elements=st.floats(-8, 8, width=32)),
    ranges=arrays(np.float32, 16, elements=st.floats(0.0625, 16, width=32)),
)
def test_quantization_round_trip_error_is_at_most_half_step(kind, x, ranges):
    """A scale for each channel, as smoothed activations have."""
    x, scales = x.astype(kind.dtype), ranges / np.float32(127)
    quantized = kernels.quantize(tf.constant(x), tf.constant(1 / scales))
    back = widen(kernels.dequantize(quantized, tf.constant(scales)).numpy())
    clipped = np.clip(widen(x), -127.0 * widen(scales), 127.0 * widen(scales))
    allowed = TOLERANCES["any", "int8 round trip"].bound * widen(scales)
    assert (np.abs(back - clipped) <= allowed).all()


@given(kernel=arrays(np.float32, (16, 4), elements=st.floats(-1e4, 1e4, width=32)))
def test_quantized_weight_error_is_at_most_half_step_of_channel(kernel):
    quantized, scales = kernels.quantize_weights(kernel)
    assert quantized.dtype == np.int8
    assert scales.dtype == np.float32
    error = np.abs(widen(quantized) * widen(scales) - widen(kernel))
    assert (error <= np.maximum(TOLERANCES["any", "int8 round trip"].bound * widen(scales), 2.0**-119)).all()
    largest = np.abs(kernel).max(0)
    assert (np.abs(quantized.astype(int)).max(0)[largest > 2.0**-119] == 127).all()


def test_each_weight_channel_has_its_own_scale():
    kernel = np.array([[1000.0, 0.001, 0.0], [-400.0, -0.0004, 0.0]], np.float32)
    quantized, scales = kernels.quantize_weights(kernel)
    np.testing.assert_array_equal(quantized, [[127, 127, 0], [-51, -51, 0]])
    np.testing.assert_allclose(scales, [1000 / 127, 0.001 / 127, 1.0], rtol=2.0**-23)


def test_weights_and_ranges_may_change_between_calls():
    """Two products of one shape, whose numbers differ, in one graph and in two."""
    generator = np.random.default_rng(3)
    for _ in range(20):
        x = generator.integers(-127, 128, (8, 64)).astype(np.int8)
        pairs = [int8.random_weights(generator, 64, 32) for _ in range(2)]
        for (kernel, bias, ranges), got in zip(pairs, int8.dense_of_variables(x, pairs), strict=True):
            exact = (x.astype(int) @ kernel.astype(int)) * widen(ranges) / 127.0 + widen(bias)
            np.testing.assert_allclose(got, exact, rtol=1e-5, atol=1e-3)
