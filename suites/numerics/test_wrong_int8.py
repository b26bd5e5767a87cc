"""Deliberately wrong products and quantizers of int8 fail the checks that the right ones pass."""

import pytest
import tensorflow as tf

from bertbench import kernels
from suites.numerics import checks, int8
from suites.numerics.ulp import BF16, FP32

pytestmark = pytest.mark.numerics

GELUS = pytest.mark.parametrize("variant", ["tanh", "erf"])
KINDS = pytest.mark.parametrize("kind", [BF16, FP32], ids=["bf16", "fp32"])


def saturating(x, kernel, bias, ranges, dtype):
    """Activations moved to 0 to 255, pairs of products added up in 16 bits, as x86's VPMADDUBSW does."""
    pairs = tf.reshape(tf.cast(x, tf.float32) + 128.0, [x.shape[0], -1, 2])
    weights = tf.reshape(tf.cast(kernel, tf.float32), [-1, 2, kernel.shape[1]])
    sums = tf.clip_by_value(tf.einsum("rpk,pko->rpo", pairs, weights), -32768.0, 32767.0)
    moved_back = tf.reduce_sum(sums, 1) - 128.0 * tf.reduce_sum(weights, [0, 1])
    return tf.cast(moved_back * (ranges / 127) + bias, dtype)


def of_one_scale(x, kernel, bias, ranges, dtype):
    return kernels.quantized_dense(x, kernel, bias, tf.fill(tf.shape(ranges), ranges[0]), dtype)


def without_bias(x, kernel, bias, ranges, dtype):
    return kernels.quantized_dense(x, kernel, tf.zeros_like(bias), ranges, dtype)


def scaled_by_128(x, kernel, bias, ranges, dtype):
    return kernels.quantized_dense(x, kernel, bias, ranges * (127 / 128), dtype)


def unsigned(x, kernel, bias, ranges, dtype):
    """Activations read as 0 to 255 without their zero point."""
    wide = tf.cast(tf.bitcast(x, tf.uint8), tf.float32)
    return tf.cast(tf.matmul(wide, tf.cast(kernel, tf.float32)) * (ranges / 127) + bias, dtype)


def rounded_sums(x, kernel, bias, ranges, dtype):
    """Sums kept in bfloat16."""
    sums = tf.matmul(tf.cast(x, tf.float32), tf.cast(kernel, tf.float32))
    return tf.cast(tf.cast(tf.cast(sums, tf.bfloat16), tf.float32) * (ranges / 127) + bias, dtype)


@KINDS
@pytest.mark.parametrize(
    "wrong", [saturating, of_one_scale, without_bias, scaled_by_128, unsigned, rounded_sums]
)
def test_wrong_int8_product_fails(kind, wrong):
    with pytest.raises(AssertionError, match="dense int8"):
        int8.measure_dense(kind, wrong).check()


def without_gelu(x, kernel, bias, ranges, variant, dtype):
    return kernels.quantized_dense(x, kernel, bias, ranges, dtype)


def of_other_form(x, kernel, bias, ranges, variant, dtype):
    other = {"tanh": "erf", "erf": "tanh"}[variant]
    return kernels.quantized_dense_gelu(x, kernel, bias, ranges, other, dtype)


@KINDS
@GELUS
@pytest.mark.parametrize("wrong", [without_gelu, of_other_form])
def test_wrong_gelu_of_int8_product_fails(kind, variant, wrong):
    with pytest.raises(AssertionError, match="dense int8_gelu"):
        int8.measure_dense_gelu(kind, variant, wrong).check()


def scaled_to_128(x, kernel, bias, ranges, variant, limit):
    return kernels.quantized_dense_gelu_int8(x, kernel, bias, ranges, variant, limit * (127 / 128))


def rounded_twice(x, kernel, bias, ranges, variant, limit):
    """To bfloat16 before int8."""
    wide = kernels.quantized_dense_gelu(x, kernel, bias, ranges, variant, tf.bfloat16)
    return kernels.quantize(wide, tf.constant(127 / limit))


@GELUS
@pytest.mark.parametrize("wrong", [scaled_to_128, rounded_twice])
def test_wrong_gelu_of_int8_product_as_int8_fails(variant, wrong):
    with pytest.raises(AssertionError, match="wide"):
        int8.check_gelu_as_int8(variant, wrong)


def quantize_with(rounding, lowest=-127):
    return lambda x, multipliers: tf.cast(tf.clip_by_value(rounding(x * multipliers), lowest, 127.0), tf.int8)


@pytest.mark.parametrize(
    "wrong",
    [
        quantize_with(tf.math.floor),
        quantize_with(lambda x: tf.cast(tf.cast(x, tf.int32), x.dtype)),
        quantize_with(lambda x: tf.math.floor(x + 0.5)),
        quantize_with(tf.round, lowest=-128.0),
        lambda x, multipliers: tf.cast(tf.cast(tf.round(x * multipliers), tf.int32), tf.int8),
    ],
    ids=["down", "toward zero", "half up", "asymmetric", "wrapping"],
)
def test_wrong_quantizer_fails(wrong, monkeypatch):
    monkeypatch.setattr(kernels, "quantize", wrong)
    with pytest.raises(AssertionError):
        checks.check_quantizing_at_every_step(0)
