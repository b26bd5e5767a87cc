"""The learning rate of a step and the examples of a step."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.errors import InputError
from bertbench.training.schedule import ExampleOrder, LearningRate

pytestmark = pytest.mark.unit


def test_learning_rates_of_warm_up_and_decay_equal_values_by_hand():
    rate = LearningRate(peak=1.0, num_steps=10, warmup_steps=4)
    assert [rate(step) for step in range(11)] == pytest.approx(
        [0.0, 0.25, 0.5, 0.75, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    )


def test_first_step_without_warm_up_has_peak_rate():
    rate = LearningRate(peak=3e-5, num_steps=3, warmup_steps=0)
    assert [rate(step) for step in range(4)] == pytest.approx([3e-5, 2e-5, 1e-5, 0.0])


@pytest.mark.parametrize(
    ("peak", "steps", "warmup"),
    [(-1.0, 5, 0), (math.nan, 5, 0), (1e39, 5, 0), (1.0, 0, 0), (1.0, 5, 6), (1.0, 5, -1)],
)
def test_invalid_learning_rate_schedule_is_rejected(peak, steps, warmup):
    with pytest.raises(InputError, match="learning rate"):
        LearningRate(peak, steps, warmup)


ORDERS = st.fixed_dictionaries(
    {
        "num_examples": st.integers(1, 60),
        "batch_size": st.integers(1, 9),
        "accum_steps": st.integers(1, 4),
        "seed": st.integers(0, 2**32),
    }
)


@given(ORDERS, st.integers(1, 5), st.integers(0, 3))
def test_each_epoch_has_every_example_once_and_ranks_are_disjoint(order, size, epoch):
    ranks = [ExampleOrder(**order, rank=rank, size=size) for rank in range(size)]
    steps = ranks[0].steps_per_epoch
    assert steps == math.ceil(order["num_examples"] / (order["batch_size"] * order["accum_steps"] * size))
    seen = []
    for step in range(epoch * steps, (epoch + 1) * steps):
        parts = [np.concatenate(rank.micro_batches(step)) for rank in ranks]
        together = np.concatenate(parts)
        # What one rank does not take, another does, and the step as a whole is what `step_examples` says.
        assert sorted(together) == sorted(ranks[0].step_examples(step))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        for rank in ranks:
            batches = rank.micro_batches(step)
            assert len(batches) == order["accum_steps"]
            assert all(len(batch) <= order["batch_size"] for batch in batches)
        seen.extend(together)
    assert sorted(seen) == list(range(order["num_examples"]))


@given(ORDERS, st.integers(2, 4))
def test_examples_of_a_step_do_not_depend_on_number_of_ranks(order, size):
    """Eight per rank on two ranks are the sixteen of one."""
    alone = ExampleOrder(**{**order, "batch_size": order["batch_size"] * size})
    shared = ExampleOrder(**order, rank=size - 1, size=size)
    assert alone.steps_per_epoch == shared.steps_per_epoch
    for step in range(alone.steps_per_epoch):
        np.testing.assert_array_equal(alone.step_examples(step), shared.step_examples(step))


def test_order_of_examples_depends_on_epoch_and_seed():
    order = ExampleOrder(50, batch_size=50, seed=1)
    first, second = order.step_examples(0), order.step_examples(1)
    other = ExampleOrder(50, batch_size=50, seed=2).step_examples(0)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(first, ExampleOrder(50, batch_size=50, seed=1).step_examples(0))


@pytest.mark.parametrize("name", ["num_examples", "batch_size", "accum_steps"])
def test_example_order_arguments_below_one_are_rejected(name):
    with pytest.raises(InputError, match=name):
        ExampleOrder(**{"num_examples": 3, "batch_size": 2, "accum_steps": 1, name: 0})
