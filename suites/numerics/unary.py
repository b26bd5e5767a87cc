"""The elementwise kernels with their exact results and bounds."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from bertbench import kernels
from suites.numerics import exact
from suites.numerics.report import KernelReport, measure
from suites.numerics.ulp import BF16, FP32, SMALLEST_NORMAL, FloatFormat, spacing, widen
from suites.tolerances import TOLERANCES

Array = np.ndarray
Kernel = Callable[[tf.Tensor], tf.Tensor]
PerInput = Callable[[Array, FloatFormat], Array | float]
_IDENTITY_SIZE = 16


@dataclass(frozen=True)
class UnaryCase:
    """One elementwise kernel in one variant.

    `call` maps a tensor to a tensor and `truth` float64 to float64. `scale` gives how many ULPs of the result
    count as one and `floor` which absolute error is not counted, besides what is flushed to zero; both of
    finite x. Where `largest_input` is finite, inputs beyond it and NaN are left out.
    """

    kernel: str
    variant: str
    call: Kernel
    truth: Callable[[Array], Array]
    scale: PerInput = lambda x, kind: 1.0
    floor: PerInput = lambda x, kind: 0.0
    largest_input: float = np.inf


def measure_unary(case: UnaryCase, kind: FloatFormat, inputs: Array, tolerance: str = "") -> KernelReport:
    """Run a kernel over `inputs` and compare, by the tolerance of the case's own name or of another."""
    if case.largest_input < np.inf:
        inputs = inputs[np.abs(widen(inputs)) <= case.largest_input]
    x = widen(inputs)
    finite = np.where(np.isfinite(x), x, 1.0)
    flush = TOLERANCES["any", "flush to zero"].bound * np.maximum(1.0, np.abs(finite))
    return measure(
        (case.kernel, case.variant),
        kind,
        case.call(tf.constant(inputs)).numpy(),
        case.truth(x),
        TOLERANCES[kind.name, tolerance or f"{case.kernel} {case.variant}"],
        lambda index: f"{x[index]:.9g}",
        scale=case.scale(finite, kind),
        floor=flush + case.floor(finite, kind),
    )


def condition_of_phi(gelu: Callable[[Array], Array], slope: Callable[[Array], Array]) -> PerInput:
    """1 + |x Phi'(x) / Phi(x)| for gelu(x) = x Phi(x); the quotient is x gelu'(x) / gelu(x) - 1.

    For bfloat16 it is 1: the island's magnified errors vanish in the rounding.
    """

    def scale(x: Array, kind: FloatFormat) -> Array | float:
        if kind is BF16:
            return 1.0
        value = gelu(x)
        normal = np.abs(value) >= SMALLEST_NORMAL
        ratio = np.divide(x * slope(x), value, out=np.ones_like(x), where=normal)
        return 1.0 + np.abs(ratio - 1.0)

    return scale


def _ulp_of_input(x: Array, kind: FloatFormat) -> Array:
    return spacing(x, kind) / spacing(exact.gelu_tanh(x), kind)


def _ulp_of_one(slope: Callable[[Array], Array], kinds: tuple[FloatFormat, ...]) -> PerInput:
    def scale(x: Array, kind: FloatFormat) -> Array | float:
        return spacing(1.0, kind) / spacing(slope(x), kind) if kind in kinds else 1.0

    return scale


def _island_floor(quantity: str) -> PerInput:
    """What the float32 gradient may be wrong by, for the bfloat16 one."""
    bound = TOLERANCES["fp32", quantity].bound * spacing(1.0, FP32)
    return lambda x, kind: bound if kind is BF16 else 0.0


def gradient_of(call: Kernel) -> Kernel:
    """The derivative of an elementwise kernel by its own gradient, for an upstream gradient of one."""

    def slope(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(x)
        return tape.gradient(y, x)

    return slope


def gelu(variant: str) -> Kernel:
    return lambda x: kernels.gelu(x, variant)


def fused_truth(x: Array) -> Array:
    """TensorFlow's composed form has no value at -inf: -inf times 1 - 1."""
    return np.where(x == -np.inf, np.nan, exact.gelu_tanh(x))


@functools.cache
def gelu_behind_product(variant: str) -> Kernel:
    """dense_gelu(x, I, 0, variant) of finite values [N], as a graph of inference computes it."""

    @tf.function(reduce_retracing=True)
    def multiply(x: tf.Tensor, identity: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        return kernels.dense_gelu(x, identity, bias, variant, differentiable=False)

    def call(x: tf.Tensor) -> tf.Tensor:
        padding = -len(x) % _IDENTITY_SIZE
        rows = tf.reshape(tf.pad(x, [[0, padding]]), [-1, _IDENTITY_SIZE])
        # Arguments: constants would be simplified away before the rewrite for oneDNN.
        identity, zeros = tf.eye(_IDENTITY_SIZE, dtype=x.dtype), tf.zeros([_IDENTITY_SIZE], x.dtype)
        return tf.reshape(multiply(rows, identity, zeros), [-1])[: len(x)]

    return call


def gelu_with_bias(variant: str, product: float) -> Kernel:
    """dense_gelu(...) of a constant product and the bias x [N], as training computes it."""

    def call(x: tf.Tensor) -> tf.Tensor:
        kernel = tf.fill([1, len(x)], tf.constant(product, x.dtype))
        return kernels.dense_gelu(tf.ones([1, 1], x.dtype), kernel, x, variant)[0]

    return call


# Beyond, TensorFlow's gradient of x^3 overflows and its product with 1 - tanh^2 = 0 is not a number.
FUSED_GRADIENT_LARGEST = 2.0**63
# Beyond, oneDNN's x (1 + erf) overflows before it is halved.
ERF_BY_ONEDNN_LARGEST = 2.0**126

GELU_TANH = UnaryCase(
    "gelu", "tanh", gelu("tanh"), exact.gelu_tanh, condition_of_phi(exact.gelu_tanh, exact.gelu_tanh_slope)
)
GELU_ERF = UnaryCase(
    "gelu", "erf", gelu("erf"), exact.gelu_erf, condition_of_phi(exact.gelu_erf, exact.gelu_erf_slope)
)
GELU_FUSED = UnaryCase("gelu", "fused", gelu("fused"), fused_truth, _ulp_of_input)
GELU_BEHIND_PRODUCT = UnaryCase(
    "gelu",
    "fused_by_onednn",
    gelu_behind_product("fused"),
    exact.gelu_tanh,
    scale=lambda x, kind: _ulp_of_input(x, kind) if kind is FP32 else 1.0,
    floor=lambda x, kind: (
        TOLERANCES["fp32", "gelu fused_by_onednn"].bound * spacing(x, FP32) if kind is BF16 else 0.0
    ),
    largest_input=FP32.largest,
)
GELU_TANH_BEHIND_PRODUCT = dataclasses.replace(
    GELU_BEHIND_PRODUCT, variant="tanh_by_onednn", call=gelu_behind_product("tanh")
)
GELU_ERF_BEHIND_PRODUCT = dataclasses.replace(
    GELU_BEHIND_PRODUCT,
    variant="erf_by_onednn",
    call=gelu_behind_product("erf"),
    truth=exact.gelu_erf,
    floor=lambda x, kind: TOLERANCES["fp32", "gelu erf_by_onednn"].bound * spacing(x, FP32),
    largest_input=ERF_BY_ONEDNN_LARGEST,
)
GELU_COMPOSED_BEHIND_PRODUCT = dataclasses.replace(
    GELU_FUSED, variant="composed", call=gelu_behind_product("fused"), largest_input=FP32.largest
)
GRADIENTS = (
    UnaryCase(
        "gelu",
        "tanh_gradient",
        gradient_of(gelu("tanh")),
        exact.gelu_tanh_slope,
        _ulp_of_one(exact.gelu_tanh_slope, (FP32,)),
        _island_floor("gelu tanh_gradient"),
    ),
    UnaryCase(
        "gelu",
        "erf_gradient",
        gradient_of(gelu("erf")),
        exact.gelu_erf_slope,
        _ulp_of_one(exact.gelu_erf_slope, (FP32,)),
        _island_floor("gelu erf_gradient"),
    ),
    UnaryCase(
        "gelu",
        "fused_gradient",
        gradient_of(gelu("fused")),
        exact.gelu_tanh_slope,
        _ulp_of_one(exact.gelu_tanh_slope, (FP32, BF16)),
        largest_input=FUSED_GRADIENT_LARGEST,
    ),
)
# What GELU's forms and their gradients are made of, as XLA computes it.
EXP = UnaryCase(
    "exp",
    "compiled",
    kernels.compiled(tf.exp),
    exact.exp,
    # exp(x) = 2^n exp(x - n log 2), and n is at most 127: beyond, the rest leaves the polynomial's interval.
    lambda x, kind: np.where(x > 127.5 * np.log(2), 3.0, 1.0),
)
ERFC = UnaryCase(
    "erfc",
    "compiled",
    kernels.compiled(tf.math.erfc),
    exact.erfc,
    lambda x, kind: 1.0 + exact.condition_of_erfc(x),
)
# The cases of `tools.kernel_sweep`.
SWEPT = (GELU_TANH, GELU_ERF, *GRADIENTS[:2], EXP, ERFC)
CAST = UnaryCase("cast", "to_bf16", lambda x: tf.cast(x, tf.bfloat16), lambda x: x)
