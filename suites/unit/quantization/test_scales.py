"""Calibration of scales: clipping, smoothing, the choice between them, and observed statistics."""

import numpy as np
import pytest

from bertbench.errors import InputError
from bertbench.quantization.choosing import SMALL_ERROR, choose, round_all, smooth, tries
from bertbench.quantization.clipping import METHODS, least_divergence, least_squares, percentile
from bertbench.quantization.observing import ROWS, Observation, observe

pytestmark = pytest.mark.unit


def error_of(values, limit):
    """The mean square error of 127 steps up to a limit."""
    steps = np.clip(np.rint(values * 127 / limit), -127, 127)
    return np.square(steps * limit / 127 - values).mean()


def test_percentile_exceeds_its_share_of_values():
    magnitudes = np.arange(1, 1001) / 1000
    assert percentile(99.9)(magnitudes) == pytest.approx(0.999, abs=0.001)


def test_least_squares_finds_the_best_range_of_a_long_tail():
    magnitudes = np.abs(np.random.default_rng(1).standard_t(3, 50_000))
    limit = least_squares(magnitudes)
    best = min(error_of(magnitudes, part * magnitudes.max()) for part in np.linspace(0.005, 1, 200))
    assert best < 0.98 * error_of(magnitudes, magnitudes.max())
    assert error_of(magnitudes, limit) < 1.01 * best


@pytest.mark.parametrize("method", [least_squares, least_divergence])
def test_evenly_spread_values_are_not_clipped(method):
    magnitudes = np.linspace(0, 3, 20_000)
    assert method(magnitudes) > 2.9


def test_least_divergence_clips_single_outlier():
    magnitudes = np.append(np.abs(np.random.default_rng(2).normal(size=50_000)), 60.0)
    assert least_divergence(magnitudes) < 15


@pytest.mark.parametrize("name", METHODS)
def test_every_method_gives_a_range_above_zero_and_within_the_largest(name):
    for magnitudes in (np.array([2.5]), np.full(100, 0.1), np.abs(np.random.default_rng(3).normal(size=999))):
        assert 0 < METHODS[name](magnitudes) <= magnitudes.max()


def test_smoothing_factors_equal_formula():
    largest, kernel = np.array([1.0, 16.0]), np.array([[0.25, -0.5], [2.0, 1.0]])
    raw = np.sqrt([1.0 / 0.5, 16.0 / 2.0])
    np.testing.assert_allclose(smooth(largest, kernel, 0.5), raw / np.sqrt(raw.prod()))


def test_dead_channel_is_not_smoothed():
    smoothing = smooth(np.array([0.0, 4.0, 1.0]), np.array([[1.0], [1.0], [0.0]]), 0.5)
    np.testing.assert_array_equal(smoothing, 1.0)


def test_outlier_channel_is_smoothed():
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(256, 32)).astype(np.float32)
    rows[:, 5] *= 100
    kernel = rng.normal(size=(32, 16)).astype(np.float32)
    kernel[5] /= 50
    observation = Observation(np.abs(rows).max(0), rows)
    choice = choose(observation, kernel)
    plain = [made.error for made in tries(observation, kernel) if made.strength is None]
    assert choice.strength is not None
    assert choice.error < min(plain) / 4
    # The reported error is that of its scales.
    smoothing = np.array(choice.scales.smoothing)
    quantized = np.clip(np.rint(rows / smoothing * 127 / choice.scales.input_range), -127, 127)
    smoothed = kernel * smoothing[:, None]
    steps = np.abs(smoothed).max(0) / 127
    results = quantized @ np.rint(smoothed / steps) * steps * choice.scales.input_range / 127
    exact = rows.astype(np.float64) @ kernel
    error = np.square(results - exact).mean() / np.square(exact).mean()
    assert choice.error == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize(("outlier", "smoothed"), [(1.0, False), (100.0, True)])
def test_input_after_gelu_is_smoothed_only_if_that_is_worth_it(outlier, smoothed):
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(256, 32)).astype(np.float32)
    rows[:, 5] *= outlier
    kernel = rng.normal(size=(32, 16)).astype(np.float32)
    kernel[5] /= outlier
    observation = Observation(np.abs(rows).max(0), rows)
    choice = choose(observation, kernel, after_gelu=True)
    assert (choice.strength is not None) == smoothed
    plain = min(made.error for made in tries(observation, kernel) if made.strength is None)
    assert (plain > SMALL_ERROR) == smoothed
    assert choice.error == (min(made.error for made in tries(observation, kernel)) if smoothed else plain)


def test_input_of_zeros_has_scales():
    observation = Observation(np.zeros(4, np.float32), np.zeros((3, 4), np.float32))
    choice = choose(observation, np.zeros((4, 2), np.float32))
    assert (choice.scales.input_range, choice.error) == (1.0, 0.0)


@pytest.mark.parametrize("value", [1.2345678, 9.99999e-7, 1.0, 123456.7])
def test_scales_are_rounded_to_five_digits(value):
    assert round_all(value) == float(f"{value:.4e}")


def batches_of(values):
    return [{"site": part} for part in np.array_split(values, 3)]


def test_observation_is_deterministic_and_contains_largest_value():
    values = np.random.default_rng(5).normal(size=(3 * ROWS, 2)).astype(np.float32)
    first, again = (observe(batches_of(values), len(values))["site"] for _ in range(2))
    np.testing.assert_array_equal(first.rows, again.rows)
    assert len(first.rows) == ROWS
    np.testing.assert_array_equal(first.largest, np.abs(values).max(0))


def test_all_tokens_of_small_sample_are_used():
    values = np.arange(10, dtype=np.float32).reshape(5, 2)
    np.testing.assert_array_equal(observe(batches_of(values), 5)["site"].rows, values)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_values_are_rejected(value):
    values = np.full((5, 2), value, np.float32)
    with pytest.raises(InputError, match="site: its input is not finite"):
        observe(batches_of(values), 5)
