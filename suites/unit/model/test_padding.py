"""Weights stored with zeros behind their own values, and tokens behind the blocks, change no result."""

import numpy as np
import pytest
import tensorflow as tf

from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.data.batch import assemble
from bertbench.data.batching import BatchPlan, Block
from bertbench.data.features import Features
from bertbench.inference import Predictor
from bertbench.model import encoder
from bertbench.model.bert import BertModel
from bertbench.model.padding import PaddedVariable, stored
from bertbench.precision import BF16, FP32
from bertbench.tasks.squad import SquadTask

pytestmark = pytest.mark.unit

CONFIG = ModelConfig(
    vocab_size=30, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128
)
LENGTHS = (7, 5)


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(4)
    rows = [rng.integers(0, CONFIG.vocab_size, length) for length in LENGTHS]
    return Features.from_rows(rows, [np.zeros_like(row) for row in rows])


def plan(padding=0):
    return BatchPlan((Block(((0,),), 8), Block(((1,),), 5)), padding)


def make_model(spare, precision, monkeypatch, trainable=False):
    monkeypatch.setattr(encoder, "spare_columns", lambda width: spare)
    return BertModel(CONFIG, Compute(precision), SquadTask().make_head, seed=3, trainable=trainable)


def test_padded_variable_stores_zeros_behind_its_values():
    variable = PaddedVariable((2, 3), (1, 0), tf.float32, "w")
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    variable.assign(tf.constant(values))
    np.testing.assert_array_equal(variable.numpy(), values)
    np.testing.assert_array_equal(stored(variable).numpy(), np.vstack([values, np.zeros((1, 3))]))


def test_values_outside_the_shape_are_refused():
    with pytest.raises(ValueError, match="shape"):
        PaddedVariable((2, 3), (1, 0), tf.float32, "w").assign(tf.zeros([3, 4]))


def test_spare_columns_change_no_logit(features, monkeypatch):
    """They add zeros to sums; oneDNN may add the others in another order, which float32 shows."""
    batch = assemble(features, plan()).tensors
    plain = make_model(0, BF16, monkeypatch)
    spared = make_model(32, BF16, monkeypatch)
    assert stored(spared.encoder.layers[0].output.kernel).shape == (160, 64)
    assert {name: tuple(v.shape) for name, v in plain.variables_by_name.items()} == {
        name: tuple(v.shape) for name, v in spared.variables_by_name.items()
    }
    for name, variable in plain.variables_by_name.items():
        np.testing.assert_array_equal(variable.numpy(), spared.variables_by_name[name].numpy())
    expected, got = (Predictor(model)(batch) for model in (plain, spared))
    for name, values in expected.items():
        np.testing.assert_allclose(got[name].numpy(), values.numpy(), rtol=0, atol=2**-9)


@pytest.mark.parametrize(("precision", "trainable"), [(FP32, False), (BF16, True)])
def test_only_bf16_inference_has_spare_columns(precision, trainable, monkeypatch):
    model = make_model(32, precision, monkeypatch, trainable)
    assert not any(isinstance(v, PaddedVariable) for v in model.variables_by_name.values())


@pytest.mark.parametrize("padding", [0, 3])
def test_padding_behind_blocks_changes_no_logit(features, monkeypatch, padding):
    model = make_model(0, FP32, monkeypatch)
    batch = assemble(features, plan(padding))
    assert batch.computed_tokens == 13 + padding
    assert batch.row_widths.tolist() == [8, 5, *[1] * padding]
    got = Predictor(model)(batch.tensors)["start_logits"].numpy()
    assert np.isfinite(got).all()
    alone = [BatchPlan((Block(((index,),), length),)) for index, length in enumerate(LENGTHS)]
    for start, length, single in zip((0, 8), LENGTHS, alone, strict=True):
        expected = Predictor(model)(assemble(features, single).tensors)["start_logits"].numpy()
        np.testing.assert_allclose(got[start : start + length], expected, rtol=0, atol=1e-5)
