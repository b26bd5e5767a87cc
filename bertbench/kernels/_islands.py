"""Float32 islands in a graph of another dtype, and compilation of elementwise kernels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

BFLOAT16_HALF_ULP = 2.0**-8  # relative, of a number just above a power of two
Gradient = Callable[..., Any]  # gradients of the outputs -> gradients of the inputs
compiled = tf.function(jit_compile=True, autograph=False)


def with_gradient(apply: Callable[..., Any], differentiable: bool) -> Callable[..., Any]:
    """`tf.custom_gradient(apply)`, or a function that returns only the value if not `differentiable`.

    TensorFlow keeps custom gradients in graphs, together with the graph and its weights, until the process
    ends. Inference does not need them, and one process may load many models.
    """
    return tf.custom_gradient(apply) if differentiable else lambda *inputs: apply(*inputs)[0]


def island_dtype(dtype: tf.DType) -> tf.DType:
    """The dtype of statistics for activations of `dtype`: float32, or float64 for float64."""
    return tf.float64 if dtype == tf.float64 else tf.float32


def enter_island(x: tf.Tensor) -> tf.Tensor:
    """`x` in its island dtype, exactly."""
    return tf.cast(x, island_dtype(x.dtype))


def leave_island(wide: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """`wide` rounded to `dtype`, to nearest, ties to even; for compiled functions.

    To bfloat16 it rounds by integer arithmetic on the bits. XLA's own conversion gives the same result, but
    prevents vectorization of the operations fused with it, which makes a GELU 50 % slower. A NaN becomes a
    quiet NaN.
    """
    if dtype != tf.bfloat16 or wide.dtype != tf.float32:
        return tf.cast(wide, dtype)
    bits = tf.bitcast(wide, tf.uint32)
    odd = tf.bitwise.bitwise_and(tf.bitwise.right_shift(bits, np.uint32(16)), np.uint32(1))
    quiet = tf.bitwise.bitwise_or(bits, np.uint32(0x00400000))
    rounded = tf.where(tf.math.is_nan(wide), quiet, bits + np.uint32(0x7FFF) + odd)
    return tf.bitcast(tf.cast(tf.bitwise.right_shift(rounded, np.uint32(16)), tf.uint16), tf.bfloat16)


def column_sums(x: tf.Tensor) -> tf.Tensor:
    """The sums of the columns of x [T, O] in its dtype, [O], added at least in float32.

    TensorFlow's BiasAddGrad sums bfloat16 numbers in bfloat16; a matrix product sums in float32.
    """
    return tf.matmul(tf.ones([1, tf.shape(x)[0]], x.dtype), x)[0]
