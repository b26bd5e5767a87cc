"""Softmax of attention scores, and their mask."""

import functools

import numpy as np
import tensorflow as tf

from bertbench.kernels._islands import BFLOAT16_HALF_ULP, enter_island

MASKED_SCORE = -1e9


def softmax(scores: tf.Tensor, variant: str = "float32") -> tf.Tensor:
    """Softmax over the last axis: exp(s - max s) / sum exp(s - max s).

    Args:
      scores: [..., S] in any float dtype.
      variant: "float32" computes in float32 and rounds once, with TensorFlow's own operation if that does so,
        otherwise through a float32 island; "optimized" always uses TensorFlow's operation in the compute
        dtype.
    Returns: [..., S] in the dtype of `scores`. A row of equal scores, however low, gives 1/S; -inf gives 0
      if another score is finite. Weights below 2^-125 may be 0.
    Error: 6 (1 + max s - s) ULP in float32. In bfloat16 0.509 ULP in both variants, as oneDNN's operation
      computes in float32 too, but 4 (1 + max s - s) ULP in "optimized" where TensorFlow runs without oneDNN.
      A row's sum is within 4 ULP of 1 in float32 and, rounded once, 0.51 in bfloat16.
    """
    if variant not in ("float32", "optimized"):
        raise ValueError(f"softmax variant {variant!r}")
    if variant == "optimized" or (scores.dtype == tf.bfloat16 and bfloat16_softmax_is_wide()):
        return tf.nn.softmax(scores)
    return tf.cast(tf.nn.softmax(enter_island(scores)), scores.dtype)


@functools.cache
def bfloat16_softmax_is_wide() -> bool:
    """Whether TensorFlow's bfloat16 softmax computes in float32, as oneDNN's does, and Eigen's does not.

    This is tested with one row of many similar weights, whose sum in bfloat16 would be inaccurate. Each
    weight may be wrong by one rounding, plus one hundredth of that for the float32 computation.
    """
    with tf.init_scope():
        scores = tf.cast(tf.linspace([-2.0], [2.0], 1000, axis=-1), tf.bfloat16)
        wide = tf.cast(tf.function(tf.nn.softmax, autograph=False)(scores), tf.float32).numpy()
        exact = np.exp(tf.cast(scores, tf.float32).numpy().astype(np.float64))
    exact /= exact.sum()
    return bool((np.abs(wide / exact - 1.0) <= 1.01 * BFLOAT16_HALF_ULP).all())


def attention_bias(sequence_ids: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """The bias that is added to attention scores so that tokens attend only within their own sequence.

    Args:
      sequence_ids: int32 [R, S]; 0 is padding; equal numbers in a row form one sequence.
    Returns: [R, 1, S, S] in `dtype`: 0 where query and key share a sequence, -1e9 elsewhere. After softmax
      of scores up to 1e4 those weights are exactly zero. A row that is masked as a whole stays finite; its
      weights are equal where scores are below 32, half an ULP of 1e9 in float32.
    """
    same = tf.equal(sequence_ids[:, :, None], sequence_ids[:, None, :])
    allowed = tf.logical_and(same, sequence_ids[:, None, :] > 0)
    return tf.where(allowed, tf.constant(0, dtype), tf.constant(MASKED_SCORE, dtype))[:, None]
