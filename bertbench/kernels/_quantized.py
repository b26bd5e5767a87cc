"""Matrix products of 8-bit integers, and conversion from and to floats.

Quantization is symmetric, without zero points (Wu et al. 2020, arXiv:2004.09602, section 3.1.2):
q = clip(round(x / scale), -127, 127), ties to even, and x is about q scale. Activations have one scale per
tensor, weights one per output channel, so a product is sum(q_x q_w) times one scale per channel.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from bertbench.kernels._gelu import gelu
from bertbench.kernels._islands import compiled, enter_island, leave_island
from bertbench.kernels._softmax import bfloat16_softmax_is_wide

INT8_LARGEST = 127
# Sums of this many products of two int8 numbers are integers up to 2^24, which are exact in float32.
_EXACT_WIDTH = 1024
_ONEDNN_OP = "_QuantizedMatMul"
_ONEDNN_GELU = {"tanh": "GeluApproximate", "fused": "GeluApproximate", "erf": "GeluExact"}
ONEDNN, FLOAT32 = "oneDNN", "float32"
SLOW_INT8 = "oneDNN has no exact int8 products on this CPU; float32 computes the same numbers, but no faster"


def quantize(x: tf.Tensor, multipliers: tf.Tensor) -> tf.Tensor:
    """clip(round(x multipliers), -127, 127) as int8, ties to even.

    Args:
      x: [T, I] in any float dtype. multipliers: float32, [I] or a scalar: 1 / scale, and for smoothed
        activations also a factor per channel.
    Returns: int8 [T, I]. NaN gives 0; an infinity gives the largest number of its sign.
    Error: inside the range, x is within (1/2 + 127 2^-23) / multiplier of q / multiplier.
    """
    return _quantize(x, tf.cast(multipliers, tf.float32))


@compiled
def _quantize(x: tf.Tensor, multipliers: tf.Tensor) -> tf.Tensor:
    steps = tf.round(enter_island(x) * multipliers)
    return tf.cast(tf.clip_by_value(steps, -float(INT8_LARGEST), float(INT8_LARGEST)), tf.int8)


def dequantize(quantized: tf.Tensor, scales: tf.Tensor) -> tf.Tensor:
    """quantized scales in float32: int8 [..., O] times [O] or a scalar, within half an ULP."""
    return tf.cast(quantized, tf.float32) * tf.cast(scales, tf.float32)


def quantize_weights(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights [I, O] as int8 [I, O] and a scale for each output channel, float32 [O].

    The largest magnitude of a channel is 127 steps. A channel of zeros has scale 1, and so has one whose
    step would be subnormal: its weights, below 2^-119, count as zero.
    """
    wide = np.asarray(kernel, np.float64)
    scales = (np.abs(wide).max(0) / INT8_LARGEST).astype(np.float32)
    scales = np.where(scales < np.finfo(np.float32).tiny, np.float32(1.0), scales)
    return np.clip(np.rint(wide / scales), -INT8_LARGEST, INT8_LARGEST).astype(np.int8), scales


def quantized_dense(
    x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, ranges: tf.Tensor, dtype: tf.DType
) -> tf.Tensor:
    """(x @ kernel) ranges / 127 + bias, the sums exact; inside a graph only.

    oneDNN computes it if its results are exact (`int8_products`). It caches the packed kernel,
    and the ranges by their address, so both must be variables that do not change. Otherwise float32 products
    of integers are used, which are exact, too.

    Args:
      x: int8 [T, I]. kernel: int8 [I, O]. bias: float32 [O].
      ranges: float32 [O], above 0: 127 times the activations' scale times the weights'.
      dtype: of the result, float32 or bfloat16.
    Returns: [T, O] in `dtype`.
    Error: in float32 2.5 ULP of product or result, whichever is larger; one rounding from that in bfloat16.
    """
    if int8_products() != ONEDNN:
        return _scaled(_exact_sums(x, kernel), ranges, bias, dtype)
    onednn_has_dtype = dtype == tf.float32 or bfloat16_softmax_is_wide()
    operands = (x, kernel, bias, ranges)
    return tf.cast(_onednn_dense(*operands, dtype if onednn_has_dtype else tf.float32), dtype)


def quantized_dense_gelu(
    x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, ranges: tf.Tensor, variant: str, dtype: tf.DType
) -> tf.Tensor:
    """The GELU of `quantized_dense`, in the same pass if oneDNN computes it exactly; inside a graph only.

    Args:
      variant: as in `gelu`. The others and the result: as in `quantized_dense`.
    Error: in float32 as `quantized_dense`, then `gelu`; in bfloat16 one rounding from that.
    """
    if not _onednn_fuses_gelu(variant) or not bfloat16_softmax_is_wide():
        product = quantized_dense(x, kernel, bias, ranges, tf.float32)
        return tf.cast(gelu(product, variant, differentiable=False), dtype)
    return _onednn_dense(x, kernel, bias, ranges, dtype, gelu=variant)


def quantized_dense_gelu_int8(
    x: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    ranges: tf.Tensor,
    variant: str,
    output_range: float,
) -> tf.Tensor:
    """`quantize(quantized_dense_gelu(...), 127 / output_range)`, in one pass if oneDNN computes it exactly.

    Args:
      output_range: the value that becomes 127. The others: as in `quantized_dense_gelu`.
    Returns: int8 [T, O].
    Error: half a step, and that of `quantized_dense_gelu` in float32.
    """
    if not _onednn_fuses_gelu(variant):
        wide = quantized_dense_gelu(x, kernel, bias, ranges, variant, tf.float32)
        return quantize(wide, tf.constant(INT8_LARGEST / output_range))
    return _onednn_dense(x, kernel, bias, ranges, tf.int8, gelu=variant, output_range=output_range)


def _exact_sums(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """x @ kernel in int32, of int8 [T, I] and [I, O], by float32 products."""
    sums = []
    for start in range(0, kernel.shape[0], _EXACT_WIDTH):
        end = start + _EXACT_WIDTH
        part = tf.matmul(tf.cast(x[:, start:end], tf.float32), tf.cast(kernel[start:end], tf.float32))
        sums.append(tf.cast(part, tf.int32))
    return tf.add_n(sums)


@compiled
def _scaled(sums: tf.Tensor, ranges: tf.Tensor, bias: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return leave_island(tf.cast(sums, tf.float32) * (ranges / INT8_LARGEST) + bias, dtype)


@functools.cache
def int8_products() -> str:
    """The implementation of int8 products: "oneDNN", or "float32" if oneDNN has none or an inexact one.

    Without VNNI instructions oneDNN adds pairs of products up in 16 bits, where they saturate. It is tested
    with the largest numbers.
    """
    signs = np.where(np.random.default_rng(8).random((2, 16, 256)) < 0.5, -1, 1)
    signs[:, 0] = 1
    x, kernel = (INT8_LARGEST * signs).astype(np.int8)
    expected = x.astype(np.int64) @ kernel.T.astype(np.int64)
    zeros, ranges = np.zeros(16, np.float32), np.full(16, INT8_LARGEST, np.float32)
    call = tf.function(_onednn_dense, autograph=False)
    try:
        with tf.init_scope():
            for rows in (1, 16):
                got = call(*map(tf.constant, (x[:rows], kernel.T, zeros, ranges)), tf.float32).numpy()
                if not np.array_equal(got, expected[:rows]):
                    return FLOAT32
    except (RuntimeError, ValueError, tf.errors.OpError):
        return FLOAT32
    return ONEDNN


@functools.cache
def _onednn_fuses_gelu(variant: str) -> bool:
    """Whether oneDNN's int8 product with a GELU behind it is exact, as floats and as int8.

    It is tested with products between -2 and 2, which are exact, and whose GELUs, in 127 steps of 1/32, may
    be next to a tie.
    """
    if int8_products() != ONEDNN:
        return False
    x = np.arange(-64, 64, dtype=np.int8)[:, None] * np.eye(1, 16, dtype=np.int8)
    kernel, zeros = np.eye(16, dtype=np.int8), np.zeros(16, np.float32)
    ranges = np.full(16, INT8_LARGEST / 32, np.float32)
    call = tf.function(_onednn_dense, autograph=False)
    try:
        with tf.init_scope():
            operands = [tf.constant(array) for array in (x, kernel, zeros, ranges)]
            expected = gelu(tf.cast(x, tf.float64) / 32, "erf" if variant == "erf" else "tanh").numpy()
            wide = call(*operands, tf.float32, gelu=variant).numpy()
            int8 = call(*operands, tf.int8, gelu=variant, output_range=INT8_LARGEST / 32).numpy()
    except (RuntimeError, ValueError, tf.errors.OpError):
        return False
    return np.abs(wide - expected).max() < 2.0**-20 and np.abs(int8 - 32 * expected).max() < 0.5 + 2.0**-15


def _onednn_dense(
    x: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    ranges: tf.Tensor,
    dtype: tf.DType,
    gelu: str = "",
    output_range: float = 0.0,
) -> tf.Tensor:
    """TensorFlow's operation for graphs that were quantized by Intel's tools.

    Its scales are given as the smallest and the largest number, of which the larger magnitude is 127
    steps (tensorflow/core/kernels/mkl/mkl_matmul_op_fused.cc); the step of activations is set to 1.
    """
    largest = tf.constant(float(INT8_LARGEST))
    inputs = [tf.bitcast(x, tf.qint8), tf.bitcast(kernel, tf.qint8), bias, largest, largest, ranges, ranges]
    fused, outputs = ["BiasAdd", "Dequantize"], [dtype]
    if dtype == tf.int8:
        inputs += [tf.constant(-output_range), tf.constant(output_range)]
        fused, outputs = ["BiasAdd", "Requantize"], [tf.qint8, tf.float32, tf.float32]
    if gelu:
        fused.insert(1, _ONEDNN_GELU[gelu])
    graph = tf.compat.v1.get_default_graph()
    attributes = _attributes(inputs, outputs, fused)
    made = graph.create_op(_ONEDNN_OP, inputs, outputs, attrs=attributes, name="int8_product").outputs
    product = tf.bitcast(made[0], tf.int8) if dtype == tf.int8 else made[0]
    product.set_shape([x.shape[0], kernel.shape[1]])
    return product


def _attributes(
    inputs: Sequence[tf.Tensor], outputs: Sequence[tf.DType], fused: Sequence[str]
) -> dict[str, tf.compat.v1.AttrValue]:
    return {
        "Tdevice_inputs": _types(*(tensor.dtype for tensor in inputs)),
        "Thost_inputs": _types(),
        "Tdevice_outputs": _types(*outputs),
        "Thost_outputs": _types(),
        "T1": _type(tf.qint8),
        "T2": _type(tf.qint8),
        "Tbias": _type(tf.float32),
        "U": _type(tf.float32),
        "Tout": _type(outputs[0]),
        "is_weight_const": _attribute(b=True),
        "is_bias_const": _attribute(b=True),
        "fused_ops": _attribute(list={"s": [name.encode() for name in fused]}),
        "input_quant_mode": _attribute(s=b"SCALED"),
        "output_quant_mode": _attribute(s=b"SCALED"),
    }


def _attribute(**value: Any) -> tf.compat.v1.AttrValue:
    return tf.compat.v1.AttrValue(**value)


def _type(dtype: tf.DType) -> tf.compat.v1.AttrValue:
    return _attribute(type=dtype.as_datatype_enum)


def _types(*dtypes: tf.DType) -> tf.compat.v1.AttrValue:
    return _attribute(list={"type": [dtype.as_datatype_enum for dtype in dtypes]})
