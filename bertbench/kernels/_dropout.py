"""Dropout whose random choices depend only on the seed and the position."""

import numpy as np
import tensorflow as tf

from bertbench.kernels._islands import Gradient, compiled, enter_island, leave_island

_HASH_ROUNDS = ((16, 0x7FEB352D), (15, 0x846CA68B))  # shift, factor


def dropout(x: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Set each element to zero with probability `rate` and scale the others (Srivastava et al. 2014).

    The rate is realized in steps of 2^-32, and kept values are divided by the realized keep probability.
    The choice depends only on seed and position, so that the gradient computes it again instead of storing
    it.

    Args:
      x: any shape, any float dtype. rate: in [0, 1). seed: uint32 [2].
    Returns: the shape and dtype of `x`. Dropped values, and subnormal ones, are 0 of their sign.
    Error: kept values are x / (1 - rate) within 1.5 ULP in float32 and 0.501 ULP in bfloat16.
    """

    @tf.custom_gradient
    def apply(x: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        return _dropout(x, rate, seed), lambda upstream: _dropout(upstream, rate, seed)

    return apply(x)


@compiled
def _dropout(x: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    wide = enter_island(x)
    return leave_island(wide * keep_factor(tf.shape(x), rate, seed, wide.dtype), x.dtype)


def fold_in(seed: tf.Tensor, site: int) -> tf.Tensor:
    """A seed, uint32 [2], for one of several dropout sites with the same step seed."""
    return tf.stack([seed[0] + np.uint32(site * 0x9E3779B9 & 0xFFFFFFFF), seed[1] ^ np.uint32(site)])


def keep_factor(shape: tf.Tensor, rate: float, seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """0 for dropped elements and 1 / keep probability for kept ones.

    The generator hashes the element's index in rounds of shift, xor and odd multiplication (constants: C.
    Wellons, "hash-prospector", the 32-bit function of lowest measured bias), with a word added before the
    first round and another one mixed in before the second. The words are hashed from the seed, so that
    neighboring seeds do not give shifted copies of the same choice. Only the high bits are used, so the last
    shift is omitted.
    """
    threshold = round(rate * 2**32)
    first = _hash(seed[0])
    second = _hash(seed[1] + first)
    index = tf.bitcast(tf.reshape(tf.range(tf.reduce_prod(shape)), shape), tf.uint32)
    bits = tf.bitwise.bitwise_xor(_hash_round(index + first, *_HASH_ROUNDS[0]), second)
    bits = _hash_round(bits, *_HASH_ROUNDS[1])
    keep = 1.0 / (1.0 - threshold / 2**32)
    return tf.where(bits >= np.uint32(threshold), tf.constant(keep, dtype), tf.constant(0, dtype))


def _hash(bits: tf.Tensor) -> tf.Tensor:
    for shift, factor in _HASH_ROUNDS:
        bits = _hash_round(bits, shift, factor)
    return bits


def _hash_round(bits: tf.Tensor, shift: int, factor: int) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, np.uint32(shift))) * np.uint32(factor)
