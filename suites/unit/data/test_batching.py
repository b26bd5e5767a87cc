"""Every way of batching gives each example the logits that it has alone, in the examples' own order."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertbench.batch_planner import BatchPlanner
from bertbench.compute import Compute
from bertbench.config import GEOMETRIES, ModelConfig
from bertbench.data.batching import (
    MAX_BLOCKS,
    MOST_PADDING,
    STRATEGIES,
    BatchCosts,
    choose_widths,
    plan_batches,
    plan_one_batch,
)
from bertbench.data.features import Features
from bertbench.errors import InputError
from bertbench.inference import run_inference
from bertbench.model.bert import BertModel
from bertbench.precision import BF16, FP32, Precision
from bertbench.tasks.squad import SquadTask
from suites.numerics.reference import ReferenceEncoder
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.unit

LONGEST = 32
CONFIG = ModelConfig(
    vocab_size=50,
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=128,
    max_position_embeddings=LONGEST,
)
UNIT_ROUNDOFF = {"fp32": 2.0**-24, "bf16": 2.0**-8}
LENGTHS = st.lists(st.integers(2, LONGEST), min_size=1, max_size=14)


@functools.cache
def random_model(precision: Precision) -> BertModel:
    return BertModel(CONFIG, Compute(precision), SquadTask().make_head, seed=3)


def draw_features(lengths: list[int]) -> Features:
    generator = np.random.default_rng(lengths)
    rows = [generator.integers(0, CONFIG.vocab_size, length) for length in lengths]
    return Features.from_rows(rows, [np.arange(len(row)) >= len(row) // 2 for row in rows])


def logits_alone(model: BertModel, features: Features) -> np.ndarray:
    """[2, T] in float64, each example alone."""
    weights = {name: variable.numpy() for name, variable in model.variables_by_name.items()}
    encoder = ReferenceEncoder(
        weights, num_heads=CONFIG.num_attention_heads, epsilon=CONFIG.layer_norm_eps, gelu="tanh"
    )
    found = []
    for start, end in zip(features.row_splits, features.row_splits[1:], strict=False):
        ids, segments = features.input_ids[None, start:end], features.segment_ids[None, start:end]
        found.append(encoder.span_logits(encoder(ids, segments, np.ones_like(ids))[-1]))
    return np.concatenate(found, axis=-1)[:, 0]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("precision", [FP32, BF16], ids=str)
@settings(max_examples=8)
@given(lengths=LENGTHS, batch_size=st.integers(1, 5))
def test_logits_of_a_batch_equal_logits_of_single_examples(precision, strategy, lengths, batch_size):
    model, features = random_model(precision), draw_features(lengths)
    run = run_inference(model, features, BatchPlanner(strategy, batch_size, LONGEST))
    got = np.stack([run.outputs["start_logits"], run.outputs["end_logits"]]).astype(np.float64)
    # A hidden row has norm sqrt H, so that its logits are of the size of their weights' norms.
    size = np.linalg.norm(model.variables_by_name["cls/squad/output_weights"].numpy(), axis=1, keepdims=True)
    error = np.sqrt(np.mean(((got - logits_alone(model, features)) / size) ** 2))
    bound = TOLERANCES[precision.name, "encoder error growth"].bound * UNIT_ROUNDOFF[precision.name]
    # The root mean square of n normal draws is 4 / sqrt(2 n) above its expectation once in some 30,000 times.
    spread = 1 + 4 / np.sqrt(2 * got.size)
    assert error <= bound * np.sqrt(CONFIG.num_hidden_layers) * spread


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(lengths=LENGTHS, batch_size=st.integers(1, 5))
def test_every_example_is_in_exactly_one_row_wide_enough(strategy, lengths, batch_size):
    plans = plan_batches(np.array(lengths), strategy, batch_size, LONGEST)
    assert sorted(index for plan in plans for index in plan.examples) == list(range(len(lengths)))
    for block in (block for plan in plans for block in plan.blocks):
        assert all(sum(lengths[index] for index in row) <= block.width <= LONGEST for row in block.rows)
        assert strategy == "packed" or all(len(row) <= 1 for row in block.rows)
    if strategy != "bucketed":
        assert all(len(plan.blocks) == 1 and 1 <= len(plan.blocks[0].rows) <= batch_size for plan in plans)


@pytest.mark.parametrize(
    ("lengths", "least_saving", "shape"),
    [
        ((200, 120, 90, 160), 24, (2, 320)),
        ((248, 240, 210, 150), 24, (4, 256)),  # three full rows are 1,152
        ((200, 180, 190, 170), 24, (2, 384)),
        ((350, 20), 24, (1, 384)),
        ((300, 300), 128, (2, 320)),
        ((300, 300), 129, (2, 384)),
        ((383, 383), 0, (2, 384)),
        ((352, 352), 0, (2, 352)),  # 8.3 %
        ((352, 352, 384), 0, (3, 384)),
        ((7,), 0, (1, 32)),
    ],
    ids=str,
)
def test_packed_rows_of_a_training_step_are_narrower_if_that_saves_enough(lengths, least_saving, shape):
    """At least 8 % of the tokens; all widths but the largest are multiples of 32."""
    examples = tuple(np.random.default_rng(6).permutation(len(lengths) + 3)[: len(lengths)].tolist())
    placed = np.full(len(lengths) + 3, 1000)
    placed[list(examples)] = lengths
    (block,) = plan_one_batch(placed, examples, "packed", 384, least_saving).blocks
    assert (len(block.rows), block.width) == shape
    assert sorted(index for row in block.rows for index in row) == sorted(examples)
    assert all(sum(placed[index] for index in row) <= block.width for row in block.rows)


@pytest.mark.parametrize(("geometry", "width"), [("tiny", 384), ("bert-base", 352), ("bert-large", 352)])
def test_narrower_rows_must_save_more_time_than_their_compilation(geometry, width):
    """32 tokens of BERT-base are 16 GFLOP in training; of the tiny model 0.1."""
    planner = BatchPlanner("packed", 1, 384)
    (block,) = planner.plan_step(np.array([350]), [0], GEOMETRIES[geometry]).blocks
    assert block.width == width


@given(lengths=LENGTHS, batch_size=st.integers(1, 5), price=st.sampled_from([0.0, 5.0, 1e6]))
def test_bucketed_batches_have_equal_size_within_token_limit(lengths, batch_size, price):
    plans = plan_batches(np.array(lengths), "bucketed", batch_size, LONGEST, BatchCosts(price))
    assert len({plan.computed_tokens for plan in plans}) == len({len(plan.blocks) for plan in plans}) == 1
    assert len(plans[0].blocks) <= MAX_BLOCKS + 1
    assert all(plan.examples.size for plan in plans)
    assert all(sum(lengths[index] for index in plan.examples) <= batch_size * LONGEST for plan in plans)
    if price == 1e6:
        # One block of rows as wide as the longest, and what fills the batch.
        assert all(len([block for block in plan.blocks if block.width > 1]) == 1 for plan in plans)


@given(lengths=LENGTHS, multiple=st.sampled_from([2, 8, 128]))
def test_size_of_bucketed_batches_is_rounded_up_if_that_is_little(lengths, multiple):
    """The size without the multiple, rounded up, unless the difference exceeds the limit."""
    least = plan_batches(np.array(lengths), "bucketed", 3, LONGEST)[0].computed_tokens
    size = plan_batches(np.array(lengths), "bucketed", 3, LONGEST, BatchCosts(5.0, multiple))[
        0
    ].computed_tokens
    rounded = -(-least // multiple) * multiple
    assert size == (rounded if rounded - least <= MOST_PADDING * least else least)


@pytest.mark.parametrize("multiple", [1, 128])
def test_bucketed_batches_have_at_most_two_percent_padding(multiple):
    lengths = np.random.default_rng(5).integers(40, 385, 800)
    plans = plan_batches(lengths, "bucketed", 8, 384, BatchCosts(token_multiple=multiple))
    assert len(plans) == -(-lengths.sum() // (8 * 384))
    assert sum(plan.computed_tokens for plan in plans) <= 1.02 * lengths.sum()


@pytest.mark.parametrize(
    ("examples", "at_once", "expected"),
    [(4, 1, 1), (4, 2, 2), (1, 2, 1), (20, 1, 3), (20, 2, 4), (20, 3, 3), (17, 2, 4)],
)
def test_number_of_bucketed_batches_is_a_multiple_of_those_at_once(examples, at_once, expected):
    """Batches of 8 examples at most, of 90 tokens each, in place of 720 of 800 tokens."""
    plans = plan_batches(np.full(examples, 90), "bucketed", 8, 100, at_once=at_once)
    assert len(plans) == expected
    assert len({plan.computed_tokens for plan in plans}) == 1


@given(lengths=LENGTHS, at_once=st.integers(1, 3))
def test_batches_at_once_contain_every_example_once(lengths, at_once):
    for strategy in STRATEGIES:
        plans = plan_batches(np.array(lengths), strategy, 4, LONGEST, at_once=at_once)
        assert sorted(index for plan in plans for index in plan.examples) == list(range(len(lengths)))
        assert strategy == "packed" or len(plans) >= min(at_once, len(lengths))


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=8), st.integers(1, 4), st.sampled_from([0, 0.5, 3, 99])
)
def test_chosen_widths_have_minimum_cost(needed, count, price):
    def cost(widths):
        held = (min((width for width in widths if width >= need), default=np.inf) for need in needed)
        return sum(held) + price * len(widths)

    chosen = choose_widths(np.array(needed), count, price)
    candidates = sorted(set(needed))
    choices = [
        [width for place, width in enumerate(candidates) if bits >> place & 1]
        for bits in range(1, 2 ** len(candidates))
    ]
    assert len(chosen) <= count
    assert cost(chosen) == min(cost(choice) for choice in choices if len(choice) <= count)


def test_invalid_batching_arguments_are_rejected():
    for arguments, message in (
        ((np.array([4]), "sorted", 1, 8), "batching 'sorted' is unknown"),
        ((np.array([4]), "packed", 0, 8), "batch size 0 is below 1"),
        ((np.array([4, 9]), "padded", 1, 8), "example 1 has 9 tokens"),
    ):
        with pytest.raises(InputError, match=message):
            plan_batches(*arguments)
