"""FLOP counts against numbers worked out by hand from the geometry."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.config import GEOMETRIES, ModelConfig
from bertbench.measure.flops import (
    Product,
    arithmetic_intensity,
    block_tokens,
    encoder_products,
    total_flop,
)
from bertbench.tasks.table import make_task

pytestmark = pytest.mark.unit

LARGE = GEOMETRIES["bert-large"]


def test_bert_large_linear_flop_is_two_per_weight_and_token():
    """BERT-large's layers hold 12 H^2 = 12,582,912 weights each, 301,989,888 in 24."""
    linear = [p for p in encoder_products(LARGE, [384]) if p.kind == "linear"]
    assert total_flop(linear, "inference") == 2 * 301_989_888 * 384


def test_bert_large_attention_flop_equals_count_by_hand():
    """24 layers x 2 products x 2 operations x 384^2 x 1024."""
    attention = [p for p in encoder_products(LARGE, [384]) if p.kind == "attention"]
    assert total_flop(attention, "inference") == 14_495_514_624


def test_bert_large_squad_step_flop_equals_count_by_hand():
    """8 x (231,928,233,984 + 14,495,514,624 + 2 x 384 x 1024 x 2), and three times that in training."""
    products = encoder_products(LARGE, [384] * 8) + make_task("squad").head_products(
        LARGE, examples=8, tokens=8 * 384
    )
    assert total_flop(products, "inference") == 1_971_402_571_776
    assert total_flop(products, "training") == 3 * 1_971_402_571_776


def test_bert_base_flop_of_512_tokens_equals_count_by_hand():
    """12 layers of 12 x 768^2 weights: 2 x 84,934,656 x 512, and 12 x 4 x 512^2 x 768 in attention."""
    flop = total_flop(encoder_products(GEOMETRIES["bert-base"], [512]), "inference")
    assert flop == 86_973_087_744 + 9_663_676_416


def test_flop_equals_sum_over_heads_and_layers():
    """Every product of a small model written out, one by one."""
    config = ModelConfig(
        vocab_size=50, hidden_size=12, num_hidden_layers=3, num_attention_heads=4, intermediate_size=20
    )
    lengths, expected = [5, 2, 5], 0
    for _layer in range(3):
        for s in lengths:
            expected += sum(2 * s * 12 * width for width in (12, 12, 12, 12, 20, 20))
            for _head in range(4):
                expected += 2 * s * 3 * s + 2 * s * s * 3
    assert total_flop(encoder_products(config, lengths), "inference") == expected


def test_flop_of_task_heads_equals_count_by_hand():
    classifier = make_task("classifier", task_name="MNLI").head_products(LARGE, examples=4, tokens=512)
    assert total_flop(classifier, "inference") == 2 * 4 * 1024 * (1024 + 3)
    pretraining = make_task("pretraining").head_products(LARGE, examples=4, tokens=512, masked=80)
    expected = 2 * 4 * 1024 * (1024 + 2) + 2 * 80 * 1024 * (1024 + 30522)
    assert total_flop(pretraining, "inference") == expected


def test_arithmetic_intensity_of_one_product_equals_value_by_hand():
    """[3072, 1024] x [1024, 1024] in bfloat16: 6.44 GFLOP over 14.7 MB."""
    product = Product(3072, 1024, 1024, 7, "linear")
    bytes_moved = 2 * (3072 * 1024 + 1024 * 1024 + 3072 * 1024)
    assert arithmetic_intensity([product], 2) == pytest.approx(2 * 3072 * 1024 * 1024 / bytes_moved)


@given(st.lists(st.integers(1, 64), min_size=1, max_size=6))
def test_needed_flop_excludes_padding(lengths):
    needed = total_flop(encoder_products(LARGE, lengths), "inference")
    padded = total_flop(encoder_products(LARGE, [64] * len(lengths)), "inference")
    assert needed <= padded
    assert (needed == padded) == all(length == 64 for length in lengths)


def test_counted_products_equal_weight_shapes_of_model():
    """The weights that a real model multiplies by have the counted shapes."""
    from bertbench.compute import Compute
    from bertbench.model.bert import BertModel
    from bertbench.model.heads import PretrainingHead

    config = dataclasses.replace(GEOMETRIES["tiny"], num_hidden_layers=3)
    model = BertModel(config, Compute(), lambda w, c, e: PretrainingHead(w, c, e.embeddings), seed=1)
    shapes = [tuple(v.shape) for n, v in model.variables_by_name.items() if n.endswith("kernel")]
    shapes.append((config.hidden_size, config.vocab_size))  # the word embeddings, transposed
    products = encoder_products(config, [9]) + make_task("pretraining").head_products(
        config, examples=1, tokens=9, masked=2
    )
    counted = [(p.inner, p.columns) for p in products if p.kind == "linear" for _ in range(p.count)]
    assert sorted(counted) == sorted(shapes)
    assert np.prod(shapes, axis=1).sum() == sum(a * b for a, b in counted)


def test_block_cost_in_tokens_equals_value_by_hand():
    """A token of BERT-large takes 2 (4 x 1024^2 + 2 x 1024 x 4096) and 4 x 1024 per layer alone."""
    flop = 2 * (4 * 1024**2 + 2 * 1024 * 4096) + 4 * 1024
    assert block_tokens(GEOMETRIES["bert-large"], cores=2) == pytest.approx(2 * 3e7 / flop)
