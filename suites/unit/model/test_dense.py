"""int8 products within a model, against numpy in float64."""

import numpy as np
import pytest
import tensorflow as tf

from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.int8 import ProductScales
from bertbench.model.bert import BertModel
from bertbench.model.dense import Dense, QuantizedDense, make_dense, multiply_each
from bertbench.model.heads import SpanHead
from bertbench.model.weights import Weights
from bertbench.precision import FP32, INT8, Precision

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


def test_int8_model_without_scales_is_rejected():
    with pytest.raises(TypeError):
        BertModel(CONFIG, Compute(INT8), lambda weights, config, encoder: SpanHead(weights, config))


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
        model = BertModel(
            CONFIG, Compute(precision), lambda weights, config, encoder: SpanHead(weights, config), seed=6
        )
        hidden.append(tf.cast(tf.function(model.encoder, autograph=False)(batch), tf.float32).numpy())
    exact, got = hidden
    error = np.sqrt(np.square(got - exact).mean() / np.square(exact).mean())
    assert 1e-5 < error < 0.02
