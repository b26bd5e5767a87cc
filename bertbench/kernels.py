"""The arithmetic between BERT's matrix products, each kernel with its formula and its error bound.

Kernels take and return the compute dtype. Statistics and transcendental functions are computed in the
island dtype (float32; float64 where the input is float64) and rounded once on the way out. The elementwise
ones are compiled by XLA, one compilation per shape: TensorFlow's own kernels make one pass over memory for
every operation. Gradients are stated by hand where that saves memory or passes; they recompute from
the kernel's input rather than keep intermediate results.

Error bounds are in units in the last place (ULP) of the output dtype, for finite inputs. The table
`suites/tolerances.py` holds them with their reasons; the tests show them over every bfloat16 value. "One
rounding" from a float32 bound means 0.5 ULP of bfloat16 beside it. Subnormal numbers, below 2^-126, may come
out as zero: TensorFlow's threads flush them.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

compiled = tf.function(jit_compile=True, autograph=False)

_SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)
_GELU_CUBIC = 0.044715
_MASKED = -1e9
_LANES = 16
_HASH_ROUNDS = ((16, 0x7FEB352D), (15, 0x846CA68B))  # shift, factor
_BFLOAT16_HALF_ULP = 2.0**-8  # relative, of a number just above a power of two
_GELU_FLAT = 40.0  # beyond it Phi is exactly 0 or 1 in float64 too


def island_dtype(dtype: tf.DType) -> tf.DType:
    """The dtype of statistics beside activations of `dtype`: float32, or float64 for float64."""
    return tf.float64 if dtype == tf.float64 else tf.float32


def softmax(scores: tf.Tensor, variant: str = "float32") -> tf.Tensor:
    """Softmax over the last axis: exp(s - max s) / sum exp(s - max s).

    Args:
      scores: [..., S] in any float dtype.
      variant: "float32" computes in float32 and rounds once, in one pass where TensorFlow's own operation
        does so, else through a float32 island; "optimized" hands the compute dtype to TensorFlow's
        operation, whatever that computes in.
    Returns: [..., S] in the dtype of `scores`. A row of equal scores, however low, gives 1/S; -inf gives 0
      beside a finite score. Weights below 2^-125 may be 0.
    Error: 6 (1 + max s - s) ULP in float32. In bfloat16 0.509 ULP in both variants, as oneDNN's operation
      computes in float32 too, but 4 (1 + max s - s) ULP in "optimized" where TensorFlow runs without oneDNN.
      A row's sum is within 4 ULP of 1 in float32 and, rounded once, 0.51 in bfloat16.
    """
    if variant not in ("float32", "optimized"):
        raise ValueError(f"softmax variant {variant!r}")
    if variant == "optimized" or (scores.dtype == tf.bfloat16 and _bfloat16_softmax_is_wide()):
        return tf.nn.softmax(scores)
    return tf.cast(tf.nn.softmax(tf.cast(scores, island_dtype(scores.dtype))), scores.dtype)


@functools.cache
def _bfloat16_softmax_is_wide() -> bool:
    """Whether TensorFlow's bfloat16 softmax computes in float32, as oneDNN's does, and Eigen's does not.

    It is tried on one row of many like weights, whose sum in bfloat16 would be far off. Each may be wrong by
    one rounding, and a hundredth of it for what float32 adds.
    """
    with tf.init_scope():
        scores = tf.cast(tf.linspace([-2.0], [2.0], 1000, axis=-1), tf.bfloat16)
        wide = tf.cast(tf.function(tf.nn.softmax, autograph=False)(scores), tf.float32).numpy()
        exact = np.exp(tf.cast(scores, tf.float32).numpy().astype(np.float64))
    exact /= exact.sum()
    return bool((np.abs(wide / exact - 1.0) <= 1.01 * _BFLOAT16_HALF_ULP).all())


def gelu(x: tf.Tensor, variant: str = "tanh") -> tf.Tensor:
    """Gaussian error linear unit, x Phi(x) (Hendrycks & Gimpel 2016, arXiv:1606.08415).

    Args:
      x: any shape, any float dtype.
      variant: "tanh" x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), through float32; "erf" the exact
        x/2 erfc(-x/sqrt 2), through float32; "fused" the tanh form in the compute dtype
        (`tf.nn.gelu(approximate=True)`), which oneDNN fuses behind a matrix product.
    Returns: the shape and dtype of `x`. inf gives inf; -inf gives -0 in "tanh" and "erf" and NaN in "fused";
      a zero or subnormal gives a zero of its sign; NaN gives NaN.
    Error: "tanh" and "erf" 3 (1 + kappa) ULP in float32, kappa = |x Phi'(x) / Phi(x)|, and 0.511 and 0.508
      ULP in bfloat16, |x| 2^-126 aside. "fused" cancels in the left tail and is bounded in ULP of x, not of
      the result: 4 in float32 and 2 in bfloat16, where TensorFlow composes it of operations that each
      round; fused by oneDNN behind `dense` in a graph, 2 in float32 and one rounding from that in bfloat16.
    Error of the gradient: "tanh" and "erf" 2 ULP of 1 in float32 and one rounding from that in bfloat16;
      "fused" 48 ULP of 1 in float32 and 3 in bfloat16, and NaN beyond |x| = 2^63.
    """
    if variant == "fused":
        return tf.nn.gelu(x, approximate=True)
    return _gelu_through_island(x, {"tanh": _tanh_form, "erf": _erf_form}[variant])


def _tanh_form(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Phi(x) in the tanh form and its derivative's factor, so that gelu' = Phi + x * density."""
    square = x * x
    # 1 + tanh(u) = 2 sigmoid(2u) does not cancel where u is very negative.
    inner = 2.0 * _SQRT_2_OVER_PI * x * (1.0 + _GELU_CUBIC * square)
    phi = tf.sigmoid(inner)
    slope = 2.0 * _SQRT_2_OVER_PI * (1.0 + 3.0 * _GELU_CUBIC * square)
    return phi, phi * tf.sigmoid(-inner) * slope


def _erf_form(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Phi(x) by the complementary error function, and the normal density."""
    phi = 0.5 * tf.math.erfc(-x * math.sqrt(0.5))
    return phi, tf.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def _gelu_through_island(x: tf.Tensor, form: Callable) -> tf.Tensor:
    @tf.custom_gradient
    def apply(x: tf.Tensor):
        return _gelu_forward(x, form), lambda upstream: _gelu_backward(x, upstream, form)

    return apply(x)


@compiled
def _gelu_forward(x: tf.Tensor, form: Callable) -> tf.Tensor:
    wide = tf.cast(x, island_dtype(x.dtype))
    phi, _ = form(wide)
    return tf.cast(tf.maximum(wide, -_GELU_FLAT) * phi, x.dtype)


@compiled
def _gelu_backward(x: tf.Tensor, upstream: tf.Tensor, form: Callable) -> tf.Tensor:
    wide = tf.cast(x, island_dtype(x.dtype))
    wide = tf.clip_by_value(wide, -_GELU_FLAT, _GELU_FLAT)
    phi, density = form(wide)
    return tf.cast(tf.cast(upstream, wide.dtype) * (phi + wide * density), x.dtype)


def dense(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """x @ kernel + bias; the gradient of the bias is summed in float32 at least.

    Args:
      x: [T, I]; kernel: [I, O]; bias: [O]; all in the compute dtype.
    Returns: [T, O] in the dtype of `x`.
    """

    @tf.custom_gradient
    def apply(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor):
        def gradient(upstream: tf.Tensor):
            dx = tf.matmul(upstream, kernel, transpose_b=True)
            return dx, tf.matmul(x, upstream, transpose_a=True), _column_sums(upstream)

        return tf.nn.bias_add(tf.matmul(x, kernel), bias), gradient

    return apply(x, kernel, bias)


def _column_sums(x: tf.Tensor) -> tf.Tensor:
    # TensorFlow's BiasAddGrad adds bfloat16 numbers up in bfloat16; a matrix product does so in float32.
    return tf.matmul(tf.ones([1, tf.shape(x)[0]], x.dtype), x)[0]


def layer_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Layer normalisation over the last axis (Ba et al. 2016, arXiv:1607.06450, equation 3).

    (x - mean) / sqrt(var + epsilon) * gamma + beta; the variance is the mean of the centred squares, which
    does not cancel under large offsets.

    Args:
      x: [..., H] in any float dtype. gamma, beta: [H] in the island dtype. epsilon: above 0.
    Returns: [..., H] in the dtype of `x`. A constant row gives beta, rounded; shifting a row by a number that
      adds exactly changes nothing.
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
) -> tf.Tensor:
    """layer_norm(dropout(x, rate, seed) + residual), added and normalised in the island dtype.

    Args:
      x, residual: [T, H] in the compute dtype; a residual of None counts as zero. gamma, beta: [H] in the
        island dtype. rate, seed: as in `dropout`; no dropout where `seed` is None.
    Returns: [T, H] in the dtype of `x`.
    Error: in float32 8 ULP of max|n| |gamma| + |beta|, with n the row normalised, for H up to 1,024; 26 for
      rows of a few values only, whose like squares round to one side. One rounding from that in bfloat16.
    """
    present = [] if residual is None else [residual]
    seeds = [] if seed is None else [seed]

    @tf.custom_gradient
    def apply(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, *present: tf.Tensor):
        def gradient(upstream: tf.Tensor):
            dx, dgamma, dbeta, *rest = _norm_backward(upstream, x, gamma, present, epsilon, rate, seeds)
            return dx, dgamma, dbeta, *rest

        return _norm_forward(x, gamma, beta, present, epsilon, rate, seeds), gradient

    return apply(x, gamma, beta, *present)


def _normalised(x, residual, epsilon, rate, seeds):
    """The centred, scaled rows [T, H] and 1 / standard deviation [T, 1], in the island dtype."""
    wide = tf.cast(x, island_dtype(x.dtype))
    origin = wide[..., :1]
    if seeds:
        wide = wide * keep_factor(tf.shape(x), rate, seeds[0], wide.dtype)
    for other in residual:
        wide += tf.cast(other, wide.dtype)
        origin += tf.cast(other[..., :1], wide.dtype)
    # Counted from the row's first element, a large common offset cancels before the mean is rounded.
    wide -= origin
    centred = wide - _row_mean(wide)
    inverse = tf.math.rsqrt(_row_mean(centred * centred) + epsilon)
    return centred * inverse, inverse


def _row_mean(x: tf.Tensor) -> tf.Tensor:
    """The mean over the last axis, kept as an axis of 1.

    Sixteen running sums first: XLA's CPU backend makes vector code of a sum over a middle axis, and of one
    over the last axis a serial chain.
    """
    width = x.shape[-1]
    if width % _LANES == 0:
        lanes = tf.concat([tf.shape(x)[:-1], [width // _LANES, _LANES]], 0)
        x = tf.reduce_sum(tf.reshape(x, lanes), -2)
    return tf.reduce_sum(x, -1, keepdims=True) / width


@compiled
def _norm_forward(x, gamma, beta, residual, epsilon, rate, seeds):
    normalised, _ = _normalised(x, residual, epsilon, rate, seeds)
    return tf.cast(normalised * gamma + beta, x.dtype)


@compiled
def _norm_backward(upstream, x, gamma, residual, epsilon, rate, seeds):
    normalised, inverse = _normalised(x, residual, epsilon, rate, seeds)
    upstream = tf.cast(upstream, normalised.dtype)
    scaled = upstream * gamma
    wide = inverse * (scaled - _row_mean(scaled) - normalised * _row_mean(scaled * normalised))
    rows = list(range(x.shape.rank - 1))
    dgamma = tf.reduce_sum(upstream * normalised, rows)
    dbeta = tf.reduce_sum(upstream, rows)
    dx = wide * keep_factor(tf.shape(x), rate, seeds[0], wide.dtype) if seeds else wide
    return tf.cast(dx, x.dtype), dgamma, dbeta, *(tf.cast(wide, other.dtype) for other in residual)


def dropout(x: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Set each element to zero with probability `rate` and scale the others (Srivastava et al. 2014).

    The rate is realised in steps of 2^-32, and kept values are divided by the realised keep probability.
    The choice is a function of seed and position alone, so the gradient makes it again instead of storing it.

    Args:
      x: any shape, any float dtype. rate: in [0, 1). seed: uint32 [2].
    Returns: the shape and dtype of `x`. Dropped values, and subnormal ones, are 0 of their sign.
    Error: kept values are x / (1 - rate) within 1.5 ULP in float32 and 0.501 ULP in bfloat16.
    """

    @tf.custom_gradient
    def apply(x: tf.Tensor):
        return _dropout(x, rate, seed), lambda upstream: _dropout(upstream, rate, seed)

    return apply(x)


@compiled
def _dropout(x: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(x, island_dtype(x.dtype))
    return tf.cast(wide * keep_factor(tf.shape(x), rate, seed, wide.dtype), x.dtype)


def fold_in(seed: tf.Tensor, site: int) -> tf.Tensor:
    """A seed, uint32 [2], for one of several places that drop out under one step's seed."""
    return tf.stack([seed[0] + np.uint32(site * 0x9E3779B9 & 0xFFFFFFFF), seed[1] ^ np.uint32(site)])


def keep_factor(shape: tf.Tensor, rate: float, seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """0 for dropped and 1 / keep probability for kept elements.

    The generator hashes the element's index by rounds of shift, xor and odd multiply (constants: C. Wellons,
    "hash-prospector", the 32-bit function of lowest measured bias), with a word added before the first round
    and another one mixed in before the second. The words are hashed from the seed, so that neighbouring
    seeds do not give shifted copies of one choice. Only the high bits decide: the last shift is left out.
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


def attention_bias(sequence_ids: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """What is added to attention scores so that a token attends within its own sequence only.

    Args:
      sequence_ids: int32 [R, S]; 0 is padding, equal numbers in a row are one sequence.
    Returns: [R, 1, S, S] in `dtype`: 0 where query and key share a sequence, -1e9 elsewhere. After softmax
      of scores up to 1e4 those weights are exactly zero. A row that is masked as a whole stays finite; its
      weights are equal where scores are below 32, half an ULP of 1e9 in float32.
    """
    same = tf.equal(sequence_ids[:, :, None], sequence_ids[:, None, :])
    allowed = tf.logical_and(same, sequence_ids[:, None, :] > 0)
    return tf.where(allowed, tf.constant(0, dtype), tf.constant(_MASKED, dtype))[:, None]


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """-log softmax(logits)[label], in the island dtype.

    Args:
      logits: [N, C] in any float dtype. labels: int32 [N], each in [0, C).
    Returns: [N] in the island dtype.
    Error: 8 ULP of 1 + loss, for C up to 3,000.
    """
    wide = tf.cast(logits, island_dtype(logits.dtype))
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=wide)


def gather_rows(hidden: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Rows of `hidden` [T, H] at `positions` int32 [N], first or masked tokens: [N, H], bit for bit."""
    return tf.gather(hidden, positions)
