"""The gradient of every kernel against fourth-order differences, all in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bertbench import kernels
from bertbench.model.attention import attend
from suites.numerics.checks import DIFFERENCE, STEP, derivative_error
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.numerics

SEED = tf.constant([5, 9], tf.uint32)
LABELS = tf.constant([0, 3, 3, 6], tf.int32)
POSITIONS = tf.constant([2, 0, 2], tf.int32)
SEQUENCES = tf.constant([[1, 1, 1, 2, 2, 0]], tf.int32)


def _attend(variant: str, *dropout: object) -> Callable[..., tf.Tensor]:
    """Attention's context at real tokens; that of padding, its row all masked, is rounded at 1e9."""

    def context(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
        bias = kernels.attention_bias(SEQUENCES, tf.float64)
        return attend(query, key, value, bias, variant, *dropout)[:, :, :5]

    return context


def _dense_gelu(variant):
    return lambda x, kernel, bias: kernels.dense_gelu(x, kernel, bias, variant)


ATTENTION = [(1, 2, 6, 4)] * 3
NORM = [(4, 16), (16,), (16,)]
KERNELS = {
    "softmax-float32": (lambda x: kernels.softmax(x, "float32"), [(4, 7)]),
    "softmax-optimized": (lambda x: kernels.softmax(x, "optimized"), [(4, 7)]),
    "gelu-tanh": (lambda x: kernels.gelu(x, "tanh"), [(64,)]),
    "gelu-erf": (lambda x: kernels.gelu(x, "erf"), [(64,)]),
    "gelu-fused": (lambda x: kernels.gelu(x, "fused"), [(64,)]),
    "layer_norm": (lambda x, gamma, beta: kernels.layer_norm(x, gamma, beta, 1e-12), NORM),
    "add_and_norm": (
        lambda x, other, gamma, beta: kernels.add_and_norm(x, other, gamma, beta, 1e-12),
        [NORM[0], *NORM],
    ),
    "add_and_norm-dropout": (
        lambda x, other, gamma, beta: kernels.add_and_norm(x, other, gamma, beta, 1e-12, 0.3, SEED),
        [NORM[0], *NORM],
    ),
    "dropout": (lambda x: kernels.dropout(x, 0.3, SEED), [(4, 16)]),
    "cross_entropy": (lambda logits: kernels.cross_entropy(logits, LABELS), [(4, 7)]),
    "dense": (kernels.dense, [(4, 5), (5, 3), (3,)]),
    **{
        f"dense_gelu-{variant}": (_dense_gelu(variant), [(4, 2), (2, 3), (3,)])
        for variant in ("tanh", "erf", "fused")
    },
    "gather_rows": (lambda hidden: kernels.gather_rows(hidden, POSITIONS), [(4, 5)]),
    "attention-float32": (_attend("float32"), ATTENTION),
    "attention-optimized": (_attend("optimized"), ATTENTION),
    "attention-dropout": (_attend("float32", 0.3, SEED), ATTENTION),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_gradient_matches_finite_differences(name):
    kernel, shapes = KERNELS[name]
    generator = np.random.default_rng(23)
    for _ in range(5):
        inputs, direction = ([generator.normal(size=shape) for shape in shapes] for _ in range(2))
        error = derivative_error(kernel, inputs, direction)
        assert error <= TOLERANCES["fp64", "gradient"].bound


@pytest.mark.parametrize("variant", ["tanh", "erf", "fused"])
@given(x=arrays(np.float64, (64,), elements=st.floats(-30, 30)))
def test_gelu_gradient_matches_finite_differences_for_arbitrary_input(variant, x):
    kernel, _ = KERNELS[f"gelu-{variant}"]
    for along in (np.ones_like(x), np.cos(np.arange(64.0))):
        assert derivative_error(kernel, [x], [along]) <= TOLERANCES["fp64", "gradient"].bound


def test_gelu_gradient_matches_finite_differences_at_each_point():
    """Element by element, so that no error hides in a sum."""
    x = np.linspace(-8.0, 8.0, 64)
    for variant in ("tanh", "erf", "fused"):
        tensor = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            y = kernels.gelu(tensor, variant)
        differences = sum(
            weight * kernels.gelu(tf.constant(x + place * STEP), variant).numpy() / STEP
            for place, weight in DIFFERENCE
        )
        error = np.abs(tape.gradient(y, tensor).numpy() - differences).max()
        assert error <= TOLERANCES["fp64", "gradient"].bound


def test_softmax_and_cross_entropy_keep_float64_precision():
    """No island narrows float64, or the differences above would prove nothing."""
    logits = np.random.default_rng(31).normal(size=(4, 7))
    exact = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for variant in ("float32", "optimized"):
        np.testing.assert_allclose(kernels.softmax(tf.constant(logits), variant).numpy(), exact, rtol=1e-14)
    losses = kernels.cross_entropy(tf.constant(logits), LABELS).numpy()
    np.testing.assert_allclose(losses, -np.log(exact[np.arange(4), LABELS.numpy()]), rtol=1e-13)
