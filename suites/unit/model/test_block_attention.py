"""Attention of several blocks: one function for all layers in inference, with the results of the parts."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.inference import Predictor
from bertbench.model.attention import BlockAttention, token_blocks
from bertbench.model.bert import BertModel
from bertbench.precision import FP32
from bertbench.tasks.squad import SquadTask
from suites.numerics import exact

pytestmark = pytest.mark.unit

CONFIG = ModelConfig(
    vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
)
ATTENTION = BlockAttention(heads=2, softmax_variant="float32", differentiable=False)
# Two blocks: three rows of 4 tokens, of which the last one is shorter, one of 6, and 5 tokens of padding.
SHAPES = np.array([[3, 4], [1, 6]], np.int32)
IDS = np.array([1] * 11 + [0] + [1] * 6 + [0] * 5, np.int32)


def batch_of(shapes):
    size = int((shapes[:, 0] * shapes[:, 1]).sum())
    zeros = np.zeros(size, np.int32)
    return {
        "input_ids": np.arange(size, dtype=np.int32) % CONFIG.vocab_size,
        "segment_ids": zeros,
        "position_ids": zeros,
        "sequence_ids": zeros + 1,
        "blocks": shapes,
    }


def make_model(layers, trainable=False):
    config = dataclasses.replace(CONFIG, num_hidden_layers=layers)
    return BertModel(config, Compute(FP32), SquadTask().make_head, seed=3, trainable=trainable)


def count_operations(layers, blocks):
    """The operations of a model's graph, without those of the functions that it calls."""
    batch = batch_of(np.array([[2, 4], [1, 6], [3, 2]][:blocks], np.int32))
    graph = Predictor(make_model(layers))._graph.prepare(batch).graph
    calls = [node for node in graph.get_operations() if "PartitionedCall" in node.type]
    return len(graph.get_operations()), len(calls)


def test_blocks_attend_within_their_rows():
    arrays = np.random.default_rng(5).standard_normal((3, len(IDS), 16))
    blocks = token_blocks(tf.constant(SHAPES), tf.constant(IDS), tf.float64)
    got = tf.function(ATTENTION)(*map(tf.constant, arrays), blocks).numpy()
    for start, end in ((0, 4), (4, 8), (8, 11), (12, 18)):
        for head in (slice(0, 8), slice(8, 16)):
            query, key, value = arrays[:, start:end, head]
            expected = exact.softmax(query @ key.T / np.sqrt(8)) @ value
            np.testing.assert_allclose(got[start:end, head], expected, rtol=0, atol=1e-14)
    assert (got[18:] == 0).all()


def test_inference_and_training_compute_the_same_hidden_states():
    """A model that trains computes attention in its own graph."""
    batch = batch_of(SHAPES)
    inference, training = (
        tf.function(make_model(2, trainable).encoder)(
            {name: tf.constant(array) for name, array in batch.items() if name != "blocks"}
            | {"blocks": SHAPES}
        ).numpy()
        for trainable in (False, True)
    )
    np.testing.assert_array_equal(inference, training)


def test_more_blocks_add_no_operations_to_layers():
    """A layer of several blocks has one call, so that BERT-large with eight blocks is traced in seconds."""
    per_layer = {}
    for blocks in (2, 3):
        few, few_calls = count_operations(1, blocks)
        many, many_calls = count_operations(3, blocks)
        per_layer[blocks] = (many - few) / 2
        assert many_calls - few_calls == 2 * (1 + 3)  # attention, GELU and two layer norms
    assert per_layer[2] == per_layer[3]


def test_single_block_is_computed_without_a_call():
    """A call takes 0.1 ms, which counts if a batch is one example."""
    assert count_operations(1, 2)[1] == count_operations(1, 1)[1] + 1
