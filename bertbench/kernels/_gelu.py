"""The Gaussian error linear unit in its variants, and its gradient."""

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from bertbench.kernels._islands import (
    BFLOAT16_HALF_ULP,
    Gradient,
    column_sums,
    compiled,
    enter_island,
    leave_island,
    with_gradient,
)

_SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)
_GELU_CUBIC = 0.044715
_GELU_FLAT = 40.0  # beyond it Phi is exactly 0 or 1 in float64 too

Form = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]  # x -> Phi(x), its derivative's factor


def gelu(x: tf.Tensor, variant: str = "tanh", *, differentiable: bool = True) -> tf.Tensor:
    """Gaussian error linear unit, x Phi(x) (Hendrycks & Gimpel 2016, arXiv:1606.08415).

    Args:
      x: any shape, any float dtype.
      variant: "tanh" x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), through float32; "erf" the exact
        x/2 erfc(-x/sqrt 2), through float32; "fused" the tanh form in the compute dtype
        (`tf.nn.gelu(approximate=True)`), which oneDNN fuses behind a matrix product.
      differentiable: as in `with_gradient`.
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
    return gelu_of_sum(x, [], variant, differentiable=differentiable)


def gelu_of_sum(
    x: tf.Tensor, bias: Sequence[tf.Tensor], variant: str, *, differentiable: bool = True
) -> tf.Tensor:
    """The GELU, "tanh" or "erf", of x [..., O] plus a bias [O] if there is one, added in the island."""
    form = {"tanh": _tanh_form, "erf": _erf_form}[variant]

    def apply(x: tf.Tensor, *bias: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            dx = _gelu_backward(x, bias, upstream, form)
            return dx, *(column_sums(dx) for _ in bias)

        return _gelu_forward(x, bias, form), gradient

    return with_gradient(apply, differentiable)(x, *bias)


@functools.cache
def onednn_fuses_gelu(variant: str) -> bool:
    """Whether a bfloat16 product with bias and the GELU behind it are one operation of oneDNN in a graph.

    This is tested with values between -2 and 2. oneDNN rounds once, so each may be wrong by one rounding,
    plus one hundredth of that for the float32 computation; TensorFlow's separate operations all round.
    """
    side = 16

    def multiply(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        return tf.nn.gelu(tf.nn.bias_add(tf.matmul(x, kernel), bias), approximate=variant != "erf")

    with tf.init_scope():
        x = tf.reshape(tf.linspace(-2.0, 2.0, side * side), [side, side])
        operands = [tf.cast(values, tf.bfloat16) for values in (x, tf.eye(side), tf.zeros(side))]
        got = tf.cast(tf.function(multiply, autograph=False)(*operands), tf.float32).numpy()
        wide = tf.cast(operands[0], tf.float64)
        exact = (wide * (_erf_form if variant == "erf" else _tanh_form)(wide)[0]).numpy()
    return bool((np.abs(got - exact) <= 1.01 * BFLOAT16_HALF_ULP * np.abs(exact)).all())


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


@compiled
def _gelu_forward(x: tf.Tensor, bias: Sequence[tf.Tensor], form: Form) -> tf.Tensor:
    wide = _add_bias(x, bias)
    phi, _ = form(wide)
    return leave_island(tf.maximum(wide, -_GELU_FLAT) * phi, x.dtype)


@compiled
def _gelu_backward(x: tf.Tensor, bias: Sequence[tf.Tensor], upstream: tf.Tensor, form: Form) -> tf.Tensor:
    wide = tf.clip_by_value(_add_bias(x, bias), -_GELU_FLAT, _GELU_FLAT)
    phi, density = form(wide)
    return leave_island(enter_island(upstream) * (phi + wide * density), x.dtype)


def _add_bias(x: tf.Tensor, bias: Sequence[tf.Tensor]) -> tf.Tensor:
    wide = enter_island(x)
    for values in bias:
        wide += enter_island(values)
    return wide
