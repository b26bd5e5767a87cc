"""The elementwise kernels over every bfloat16 value and a dense sweep of float32."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from bertbench import kernels
from bertbench.kernels import onednn_fuses_gelu
from suites.numerics import unary
from suites.numerics.this_machine import gelu_is_fused_behind_product, onednn_computes_bf16
from suites.numerics.ulp import (
    BF16,
    FP32,
    SMALLEST_NORMAL,
    FloatFormat,
    all_bf16,
    float32_sweep,
    from_bits,
    round_to_nearest_even,
    rounding_cases,
    to_bits,
    widen,
)

pytestmark = pytest.mark.numerics

KINDS = pytest.mark.parametrize("kind", [BF16, FP32], ids=["bf16", "fp32"])
VARIANTS = pytest.mark.parametrize("variant", ["tanh", "erf", "fused"])
SUBNORMAL = 1e-40


@functools.cache
def inputs(kind: FloatFormat) -> np.ndarray:
    """All 65,536 bfloat16 values; of float32 every 2,039th and those about each power of two."""
    return all_bf16() if kind is BF16 else float32_sweep(stride=2039)


@pytest.mark.parametrize(
    "case",
    [unary.GELU_TANH, unary.GELU_ERF, unary.GELU_FUSED, *unary.GRADIENTS],
    ids=lambda case: f"{case.kernel}-{case.variant}",
)
@KINDS
def test_unary_kernel_error_is_within_bound(case, kind, check_report):
    check_report(unary.measure_unary(case, kind, inputs(kind)))


@pytest.mark.parametrize("case", [unary.EXP, unary.ERFC], ids=["exp-compiled-fp32", "erfc-compiled-fp32"])
def test_error_of_exp_and_erfc_is_within_bound(case, check_report):
    check_report(unary.measure_unary(case, FP32, inputs(FP32)))


@pytest.mark.parametrize(
    "case", [unary.GELU_TANH, unary.GELU_ERF, *unary.GRADIENTS[:2]], ids=lambda case: case.variant
)
def test_error_of_bf16_gelu_that_adds_the_bias_in_training_is_within_bound(case, check_report):
    """The sum is not rounded to bfloat16 before the GELU, so the bound is that of the GELU alone."""
    product = 1.0078125  # with most biases no bfloat16 number
    call = unary.gelu_with_bias(case.variant.removesuffix("_gradient"), product)
    with_bias = dataclasses.replace(
        case,
        variant=f"{case.variant}_with_bias",
        call=unary.gradient_of(call) if case in unary.GRADIENTS else call,
        truth=lambda bias: case.truth(bias + product),
    )
    check_report(unary.measure_unary(with_bias, BF16, inputs(BF16), f"gelu {case.variant}"))


@KINDS
def test_error_of_gelu_after_product_is_within_bound(kind, check_report):
    """Behind a matrix product with bias, inside a graph, oneDNN fuses GELU; TensorFlow alone does not."""
    finite = inputs(kind)[np.isfinite(widen(inputs(kind)))]
    if gelu_is_fused_behind_product(tf.as_dtype(kind.dtype)):
        check_report(unary.measure_unary(unary.GELU_BEHIND_PRODUCT, kind, finite))
    else:
        assert not onednn_computes_bf16(), "TensorFlow no longer fuses GELU behind a product on this machine"
        check_report(unary.measure_unary(unary.GELU_COMPOSED_BEHIND_PRODUCT, kind, finite, "gelu fused"))


@pytest.mark.parametrize(
    ("case", "separate"),
    [
        (unary.GELU_TANH_BEHIND_PRODUCT, unary.GELU_TANH),
        (unary.GELU_ERF_BEHIND_PRODUCT, unary.GELU_ERF),
    ],
    ids=["tanh", "erf"],
)
def test_error_of_bf16_gelu_of_product_in_inference_is_within_bound(case, separate, check_report):
    """In one pass of oneDNN, else in the separate kernel, whose bound then holds."""
    finite = inputs(BF16)[np.isfinite(widen(inputs(BF16)))]
    if onednn_fuses_gelu(separate.variant):
        check_report(unary.measure_unary(case, BF16, finite))
    else:
        assert not onednn_computes_bf16(), "TensorFlow no longer fuses GELU behind a product on this machine"
        check_report(unary.measure_unary(dataclasses.replace(separate, call=case.call), BF16, finite))


def test_error_of_cast_to_bf16_is_within_bound(check_report):
    check_report(unary.measure_unary(unary.CAST, BF16, rounding_cases()))


@pytest.mark.parametrize(
    "cast",
    [
        tf.function(lambda x: tf.cast(x, tf.bfloat16)),
        kernels.compiled(lambda x: tf.cast(x, tf.bfloat16)),
        kernels.compiled(lambda x: kernels.leave_island(x, tf.bfloat16)),
    ],
    ids=["plain", "xla", "leave_island"],
)
def test_cast_to_bf16_rounds_to_nearest_even_on_all_rounding_cases(cast):
    """All bfloat16 patterns, subnormals too, and the float32 neighbors of every midpoint, to the bit."""
    values = rounding_cases()
    got = cast(tf.constant(values)).numpy()
    numbers = ~np.isnan(values)
    expected = round_to_nearest_even(values)
    np.testing.assert_array_equal(to_bits(got[numbers], BF16), to_bits(expected[numbers], BF16))
    assert np.isnan(widen(got[~numbers])).all()


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "xla"])
def test_widening_cast_is_exact_on_every_bit_pattern(compiled):
    values = all_bf16()
    cast = tf.function(lambda x: tf.cast(x, tf.float32), jit_compile=compiled)
    got = cast(tf.constant(values)).numpy()
    expected = from_bits(np.arange(1 << 16, dtype=np.uint32) << 16, FP32)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(to_bits(got[numbers], FP32), to_bits(expected[numbers], FP32))
    assert np.isnan(got[~numbers]).all()


@KINDS
@VARIANTS
def test_gelu_of_special_values_equals_documented_values(kind, variant):
    minus_infinity = np.nan if variant == "fused" else -0.0
    stated = [
        (0.0, 0.0), (-0.0, -0.0), (np.inf, np.inf), (-np.inf, minus_infinity), (np.nan, np.nan),
        (kind.largest, kind.largest), (-kind.largest, -0.0), (SUBNORMAL, 0.0), (-SUBNORMAL, -0.0),
        (2 * SMALLEST_NORMAL, SMALLEST_NORMAL), (-2 * SMALLEST_NORMAL, -SMALLEST_NORMAL),
    ]  # fmt: skip
    x, expected = (np.array(column).astype(kind.dtype) for column in zip(*stated, strict=True))
    got = kernels.gelu(tf.constant(x), variant).numpy()
    np.testing.assert_array_equal(widen(got), widen(expected))
    numbers = ~np.isnan(widen(expected))
    np.testing.assert_array_equal(np.signbit(widen(got))[numbers], np.signbit(widen(expected))[numbers])


@KINDS
@pytest.mark.parametrize("variant", ["tanh", "erf"])
def test_gelu_gradient_of_special_values_equals_documented_values(kind, variant):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, kind.largest, -kind.largest, SUBNORMAL], kind.dtype)
    got = unary.gradient_of(unary.gelu(variant))(tf.constant(x)).numpy()
    np.testing.assert_array_equal(widen(got), [0.5, 0.5, 1.0, 0.0, np.nan, 1.0, 0.0, 0.5])


@KINDS
@pytest.mark.parametrize("variant", ["tanh", "erf"])
def test_gelu_is_between_its_minimum_and_max_of_x_and_zero(kind, variant):
    x = inputs(kind)
    x = x[~np.isnan(widen(x))]
    got = widen(kernels.gelu(tf.constant(x), variant).numpy())
    assert got.min() >= -0.1701
    assert (got <= np.maximum(widen(x), 0.0)).all()
