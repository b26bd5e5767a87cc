"""Properties of dropout for any seed, tested with hypothesis."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from bertbench import kernels
from suites.numerics import checks
from suites.numerics.checks import COUNT, LARGEST_Z, SHAPE, correlation_z, drop, kept_of_ones
from suites.numerics.ulp import BF16, FP32, FloatFormat, ulp_error, widen
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.numerics

KINDS = pytest.mark.parametrize("kind", [BF16, FP32], ids=["bf16", "fp32"])
WORD = st.integers(0, 2**32 - 1)
SEEDS = st.tuples(WORD, WORD)
RATES = st.sampled_from([0.01, 0.1, 0.5, 0.9])


@given(rate=RATES, seed=SEEDS)
def test_dropout_rate_is_within_binomial_interval(rate, seed):
    checks.check_dropout_rate(rate, seed)


@KINDS
@given(rate=RATES, seed=SEEDS)
def test_dropout_keeps_mean_of_constant_input(kind, rate, seed):
    """The mean over positions of a constant, within the same binomial interval."""
    mean = widen(drop(np.full(SHAPE, 3.0).astype(kind.dtype), rate, seed)).mean()
    rounding = TOLERANCES[kind.name, "dropout"].bound * 2.0 ** (2 - kind.digits)
    assert abs(mean / 3.0 - 1.0) <= LARGEST_Z * np.sqrt(rate / (1 - rate) / COUNT) + rounding


@KINDS
@given(rate=RATES, seed=SEEDS)
def test_kept_values_are_scaled_by_actual_rate(kind: FloatFormat, rate, seed):
    x = np.random.default_rng(seed).normal(size=SHAPE).astype(kind.dtype)
    x = np.where(widen(x) == 0, np.ones((), kind.dtype), x)
    got = drop(x, rate, seed)
    kept = widen(got) != 0
    np.testing.assert_array_equal(kept, kept_of_ones(rate, seed))
    exact = widen(x)[kept] / (1.0 - round(rate * 2**32) / 2**32)
    assert ulp_error(got[kept], exact, kind).max() <= TOLERANCES[kind.name, "dropout"].bound


@given(rate=RATES, seed=SEEDS)
def test_same_seed_gives_same_mask_in_graph_and_gradient(rate, seed):
    """The same mask in and out of a graph, and in the gradient."""
    first = kept_of_ones(rate, seed)
    x = tf.ones(SHAPE)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = kernels.dropout(x, rate, tf.constant(seed, tf.uint32))
    gradient = tape.gradient(y, x)
    np.testing.assert_array_equal(kept_of_ones(rate, seed), first)
    np.testing.assert_array_equal(gradient.numpy() != 0, first)


@given(seed=SEEDS)
def test_graph_and_eager_execution_draw_same_mask(seed):
    got = _in_graph(tf.constant(seed, tf.uint32)).numpy() != 0
    np.testing.assert_array_equal(got, kept_of_ones(0.1, seed))


@tf.function
def _in_graph(seed: tf.Tensor) -> tf.Tensor:
    return kernels.dropout(tf.ones(SHAPE), 0.1, seed)


@given(seed=SEEDS, step=st.sampled_from([(1, 0), (0, 1), (1, 1), (2, 0), (2**31, 0), (0, 2**31)]))
def test_masks_of_neighboring_seeds_are_independent(seed, step):
    checks.check_masks_of_neighboring_seeds(seed, step)


@given(seed=SEEDS)
def test_masks_of_different_sites_and_neighboring_positions_are_independent(seed):
    sites = [kernels.fold_in(tf.constant(seed, tf.uint32), site).numpy() for site in range(4)]
    masks = [kept_of_ones(0.1, tuple(int(word) for word in pair)) for pair in sites]
    for index, mask in enumerate(masks):
        for other in masks[:index]:
            assert abs(correlation_z(mask, other)) <= LARGEST_Z
    for shift in (1, 2, 4, 16, SHAPE[1]):
        assert abs(correlation_z(masks[0].ravel(), np.roll(masks[0].ravel(), shift))) <= LARGEST_Z


def test_rate_zero_keeps_all_values():
    x = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    np.testing.assert_array_equal(drop(x, 0.0, (1, 2)), x)
