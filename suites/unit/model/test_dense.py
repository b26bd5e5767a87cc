"""int8 products within a model, against numpy in float64."""

import numpy as np
import pytest
import tensorflow as tf

from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.int8 import ProductScales
from bertbench.model.bert import BertModel
from bertbench.model.dense import Dense, QuantizedDense, feed_forward, make_dense, multiply_each
from bertbench.model.weights import Weights
from bertbench.precision import FP32, INT8, Precision
from bertbench.tasks.squad import SquadTask
from suites.numerics import exact

pytestmark = pytest.mark.unit

INPUTS, OUTPUTS, TOKENS = 24, 16, 40
CONFIG = ModelConfig(
    vocab_size=30, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48
)


def make_weights(scales, seed=None):
    return Weights(CONFIG, Compute(Precision("int8", "float32", scales)), trainable=False, seed=seed)


def int8_by_hand(x, kernel, bias, input_range, smoothing):
    """Wu et al. 2020, section 3, of smoothed operands (SmoothQuant), in float64."""
    step = input_range / 127
    rows = np.clip(np.rint(x / smoothing / step), -127, 127)
    smoothed = kernel * smoothing[:, None]
    steps = np.abs(smoothed).max(0) / 127
    columns = np.clip(np.rint(smoothed / steps), -127, 127)
    return rows @ columns * steps * step + bias


@pytest.mark.parametrize("smooth", [False, True], ids=["plain", "smoothed"])
def test_int8_product_equals_formula_in_float64(smooth):
    rng = np.random.default_rng(2)
    kernel = rng.normal(size=(INPUTS, OUTPUTS)).astype(np.float32)
    # Numbers of few binary digits: half a step is exact in float32, too.
    x = rng.integers(-300, 300, (TOKENS, INPUTS)) / 64
    bias = rng.normal(size=OUTPUTS)
    smoothing = 2.0 ** rng.integers(-2, 3, INPUTS) if smooth else np.ones(INPUTS)
    scales = ProductScales(127 / 32, tuple(smoothing) if smooth else None)
    product = make_dense(make_weights({"a": scales}), "a", INPUTS, OUTPUTS)
    assert isinstance(product, QuantizedDense)
    product.kernel.assign(tf.constant(kernel, tf.float32))
    product.bias.assign(bias)
    got = tf.function(product, autograph=False)(tf.constant(x, tf.float32)).numpy()
    expected = int8_by_hand(x, kernel.astype(np.float64), bias, 127 / 32, smoothing)
    assert np.abs(x / smoothing).max() > 127 / 32  # some are clipped
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)


def test_products_with_shared_input_equal_separate_products():
    rng = np.random.default_rng(3)
    shared, other = ProductScales(4.0), ProductScales(3.0, tuple(rng.uniform(0.5, 2, INPUTS)))
    weights = make_weights({"a": shared, "b": shared, "c": other}, seed=4)
    products = [make_dense(weights, scope, INPUTS, OUTPUTS) for scope in "abcd"]
    assert [type(product) for product in products] == [*[QuantizedDense] * 3, Dense]
    x = tf.constant(rng.normal(size=(TOKENS, INPUTS)), tf.float32)
    together = tf.function(lambda x: multiply_each(x, products), autograph=False)(x)
    for product, result in zip(products, together, strict=True):
        alone = tf.function(product, autograph=False)(x)
        np.testing.assert_array_equal(result.numpy(), alone.numpy())


@pytest.mark.parametrize("variant", ["tanh", "erf"])
@pytest.mark.parametrize("smooth", [False, True], ids=["plain", "smoothed"])
@pytest.mark.parametrize("first", ["int8", "float32"])
def test_feed_forward_network_equals_formula_in_float64(first, smooth, variant):
    rng = np.random.default_rng(7)
    smoothing = rng.uniform(0.5, 2, OUTPUTS) if smooth else np.ones(OUTPUTS)
    scales = {"b": ProductScales(2.0, tuple(smoothing) if smooth else None)}
    if first == "int8":
        scales["a"] = ProductScales(4.0)
    weights = make_weights(scales)
    products = make_dense(weights, "a", INPUTS, OUTPUTS), make_dense(weights, "b", OUTPUTS, INPUTS)
    kernels = [rng.normal(0, 0.2, product.kernel.shape).astype(np.float32) for product in products]
    for product, kernel in zip(products, kernels, strict=True):
        product.kernel.assign(tf.constant(kernel))
        product.bias.assign(tf.zeros(kernel.shape[1]))
    x = rng.normal(size=(TOKENS, INPUTS)).astype(np.float32)
    got = tf.function(lambda x: feed_forward(x, *products, variant), autograph=False)(tf.constant(x)).numpy()
    by_hand = (kernels[0].astype(np.float64), 0.0, 4.0, np.ones(INPUTS))
    wide = int8_by_hand(x, *by_hand) if first == "int8" else x.astype(np.float64) @ by_hand[0]
    activated = {"tanh": exact.gelu_tanh, "erf": exact.gelu_erf}[variant](wide)
    expected = int8_by_hand(activated, kernels[1].astype(np.float64), 0.0, 2.0, smoothing)
    # A GELU may be next to a tie: one of a row may be rounded to the next step, which moves all its sums.
    moved = np.abs(kernels[1] * smoothing[:, None]).max() * 2.0 / 127 / smoothing.min()
    assert (np.abs(got - expected) <= moved).all()
    assert np.mean(np.abs(got - expected).max(1) > 1e-4) < 0.1


def test_int8_model_without_scales_is_rejected():
    with pytest.raises(TypeError):
        BertModel(CONFIG, Compute(INT8), SquadTask().make_head)


@pytest.mark.parametrize("around", ["float32", "bfloat16"])
def test_int8_outputs_are_close_to_float32_outputs(around):
    batch = {
        name: tf.constant(values, tf.int32)
        for name, values in {
            "input_ids": np.arange(1, 13),
            "segment_ids": np.zeros(12),
            "position_ids": np.arange(12),
            "sequence_ids": np.ones(12),
            "blocks": [[1, 12]],
        }.items()
    }
    layers = [f"bert/encoder/layer_{index}" for index in range(2)]
    scopes = [f"{layer}/attention/self/{name}" for layer in layers for name in ("query", "key", "value")]
    scopes += [
        f"{layer}/{name}/dense" for layer in layers for name in ("attention/output", "intermediate", "output")
    ]
    int8 = Precision("int8", around, dict.fromkeys(scopes, ProductScales(4.0)))
    hidden = []
    for precision in (FP32, int8):
        model = BertModel(CONFIG, Compute(precision), SquadTask().make_head, seed=6)
        hidden.append(tf.cast(tf.function(model.encoder, autograph=False)(batch), tf.float32).numpy())
    expected, got = hidden
    error = np.sqrt(np.square(got - expected).mean() / np.square(expected).mean())
    assert 1e-5 < error < 0.02
