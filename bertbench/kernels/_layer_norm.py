"""Layer norm together with the preceding residual and dropout, one pass forward and one backward."""

from collections.abc import Sequence

import tensorflow as tf

from bertbench.kernels._dropout import keep_factor
from bertbench.kernels._islands import Gradient, compiled, enter_island, leave_island, with_gradient


def layer_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Layer normalization over the last axis (Ba et al. 2016, arXiv:1607.06450, equation 3).

    (x - mean) / sqrt(var + epsilon) * gamma + beta; the variance is the mean of the centered squares, which
    does not cancel for large offsets.

    Args:
      x: [..., T, H] in any float dtype. gamma, beta: [H] in the island dtype. epsilon: above 0.
    Returns: [..., T, H] in the dtype of `x`. A constant row gives beta, rounded; shifting a row by a number
      that adds exactly changes nothing.
    Error: as `add_and_norm`.
    """
    return add_and_norm(x, None, gamma, beta, epsilon)


def add_and_norm(
    x: tf.Tensor,
    residual: tf.Tensor | None,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    epsilon: float,
    rate: float = 0.0,
    seed: tf.Tensor | None = None,
    *,
    differentiable: bool = True,
) -> tf.Tensor:
    """layer_norm(dropout(x, rate, seed) + residual), added and normalized in the island dtype.

    Args:
      x, residual: [T, H] in the compute dtype; None means no residual. gamma, beta: [H] in the
        island dtype. rate, seed: as in `dropout`; no dropout if `seed` is None.
      differentiable: as in `with_gradient`.
    Returns: [T, H] in the dtype of `x`.
    Error: in float32 8 ULP of max|n| |gamma| + |beta|, with n the row normalized, for H up to 1,024; 26 for
      rows of a few values only, whose like squares round to one side. One rounding from that in bfloat16.
    """
    present = [] if residual is None else [residual]
    seeds = [] if seed is None else [seed]

    def apply(
        x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, *present: tf.Tensor
    ) -> tuple[tf.Tensor, Gradient]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            dx, dgamma, dbeta, *rest = _norm_backward(upstream, x, gamma, present, epsilon, rate, seeds)
            return dx, dgamma, dbeta, *rest

        return _norm_forward(x, gamma, beta, present, epsilon, rate, seeds), gradient

    return with_gradient(apply, differentiable)(x, gamma, beta, *present)


def _normalize(
    x: tf.Tensor, residual: Sequence[tf.Tensor], epsilon: float, rate: float, seeds: Sequence[tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """The centered, scaled rows [T, H] and 1 / standard deviation [T, 1], in the island dtype."""
    wide = enter_island(x)
    origin = wide[..., :1]
    if seeds:
        wide = wide * keep_factor(tf.shape(x), rate, seeds[0], wide.dtype)
    for other in residual:
        wide += enter_island(other)
        origin += enter_island(other[..., :1])
    # Relative to the row's first element, a large common offset cancels before the mean is rounded.
    wide -= origin
    centered = wide - _row_mean(wide)
    inverse = tf.math.rsqrt(_row_mean(centered * centered) + epsilon)
    return centered * inverse, inverse


def _row_mean(x: tf.Tensor) -> tf.Tensor:
    """The mean over the last axis, kept as an axis of 1.

    Computed as a product with ones: XLA's CPU backend turns a sum over the last axis into a serial chain and
    computes its operand again for each use; the operand of a product is computed once and summed in vectors.
    """
    width = x.shape[-1]
    return tf.matmul(x, tf.ones([width, 1], x.dtype)) / width


@compiled
def _norm_forward(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    residual: Sequence[tf.Tensor],
    epsilon: float,
    rate: float,
    seeds: Sequence[tf.Tensor],
) -> tf.Tensor:
    normalized, _ = _normalize(x, residual, epsilon, rate, seeds)
    return leave_island(normalized * gamma + beta, x.dtype)


@compiled
def _norm_backward(
    upstream: tf.Tensor,
    x: tf.Tensor,
    gamma: tf.Tensor,
    residual: Sequence[tf.Tensor],
    epsilon: float,
    rate: float,
    seeds: Sequence[tf.Tensor],
) -> tuple[tf.Tensor, ...]:
    normalized, inverse = _normalize(x, residual, epsilon, rate, seeds)
    upstream = enter_island(upstream)
    scaled = upstream * gamma
    wide = inverse * (scaled - _row_mean(scaled) - normalized * _row_mean(scaled * normalized))
    rows = list(range(x.shape.rank - 1))
    dgamma = tf.reduce_sum(upstream * normalized, rows)
    dbeta = tf.reduce_sum(upstream, rows)
    dx = wide * keep_factor(tf.shape(x), rate, seeds[0], wide.dtype) if seeds else wide
    return leave_island(dx, x.dtype), dgamma, dbeta, *(leave_island(wide, other.dtype) for other in residual)
