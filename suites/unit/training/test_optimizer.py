"""AdamW against its statement in numpy float64."""

import numpy as np
import pytest
import tensorflow as tf

from bertbench.training.optimizer import AdamW, AdamWSettings

pytestmark = pytest.mark.unit

SHAPES = {
    "bert/encoder/layer_0/output/dense/kernel": (5, 3),
    "bert/encoder/layer_0/output/dense/bias": (3,),
    "bert/encoder/layer_0/output/LayerNorm/gamma": (3,),
    "bert/encoder/layer_0/output/LayerNorm/beta": (3,),
    "bert/embeddings/word_embeddings": (7, 3),
    "output_bias": (2,),
    "output_weights": (2, 3),
}
DECAYED = {"bert/encoder/layer_0/output/dense/kernel", "bert/embeddings/word_embeddings", "output_weights"}
STEPS = 100


class Float64AdamW:
    """Adam with decoupled decay, without bias correction, after clipping by the global norm."""

    def __init__(self, weights):
        self.weights = {name: value.astype(np.float64) for name, value in weights.items()}
        self.m = {name: np.zeros(value.shape) for name, value in weights.items()}
        self.v = {name: np.zeros(value.shape) for name, value in weights.items()}

    def apply(self, gradients, rate):
        norm = np.sqrt(sum(np.sum(np.square(value, dtype=np.float64)) for value in gradients.values()))
        for name, gradient in gradients.items():
            gradient = gradient.astype(np.float64) * min(1.0, 1.0 / norm)
            self.m[name] = 0.9 * self.m[name] + 0.1 * gradient
            self.v[name] = 0.999 * self.v[name] + 0.001 * gradient**2
            step = self.m[name] / (np.sqrt(self.v[name]) + 1e-6)
            if name in DECAYED:
                step = step + 0.01 * self.weights[name]
            self.weights[name] = self.weights[name] - rate * step
        return norm


def draw(generator, scale=1.0):
    return {name: (scale * generator.normal(size=shape)).astype(np.float32) for name, shape in SHAPES.items()}


def make(weights, dtype=tf.float32):
    variables = {name: tf.Variable(tf.cast(value, dtype)) for name, value in weights.items()}
    return variables, AdamW(variables)


# Float32 rounds each of a step's handful of operations by 2^-24 of its operands; 100 steps of rate 0.01 add
# up to a weight's magnitude of about 1.
@pytest.mark.parametrize(("dtype", "bound"), [(tf.float32, 2e-5), (tf.float64, 1e-9)])
def test_100_steps_agree_with_adamw_in_float64(dtype, bound):
    generator = np.random.default_rng(3)
    weights = draw(generator)
    variables, optimizer = make(weights, dtype)
    expected = Float64AdamW(weights)
    for step in range(STEPS):
        # Norms from 0.01 to 100, below and above the clipping.
        gradients = draw(generator, scale=10.0 ** generator.uniform(-2.5, 1.5))
        rate = 0.01 * (1 - step / STEPS)
        norm = optimizer.apply(
            [tf.cast(value, dtype) for value in gradients.values()], tf.constant(rate, dtype)
        )
        assert float(norm) == pytest.approx(expected.apply(gradients, rate), rel=1e-6)
    for name, variable in variables.items():
        moved = np.abs(expected.weights[name] - weights[name]).max()
        assert moved > 0.01, "the test moves no weight"
        np.testing.assert_allclose(variable.numpy(), expected.weights[name], rtol=0, atol=bound, err_msg=name)
        m, v = optimizer.slots[f"{name}/adam_m"], optimizer.slots[f"{name}/adam_v"]
        np.testing.assert_allclose(m.numpy(), expected.m[name], rtol=1e-4, atol=bound, err_msg=name)
        np.testing.assert_allclose(v.numpy(), expected.v[name], rtol=1e-4, atol=bound, err_msg=name)


def test_zero_gradients_decay_all_weights_except_biases_and_norms():
    weights = draw(np.random.default_rng(4))
    variables, optimizer = make(weights)
    optimizer.apply([tf.zeros(shape) for shape in SHAPES.values()], tf.constant(0.5))
    for name, variable in variables.items():
        factor = 1 - 0.5 * 0.01 if name in DECAYED else 1.0
        np.testing.assert_allclose(variable.numpy(), weights[name] * factor, rtol=1e-6, err_msg=name)


def test_gradient_below_clipping_norm_is_not_scaled():
    variables = {"kernel": tf.Variable([[1.0, 2.0]])}
    optimizer = AdamW(variables, AdamWSettings(weight_decay=0.0))
    norm = optimizer.apply([tf.constant([[0.6, 0.0]])], tf.constant(0.0))
    assert float(norm) == pytest.approx(0.6)
    np.testing.assert_allclose(optimizer.slots["kernel/adam_m"].numpy(), [[0.06, 0.0]], rtol=1e-6)


def test_moments_have_the_names_of_the_original_code():
    _, optimizer = make(draw(np.random.default_rng(5)))
    assert {"output_weights/adam_m", "output_weights/adam_v"} <= set(optimizer.slots)
    assert len(optimizer.slots) == 2 * len(SHAPES)
