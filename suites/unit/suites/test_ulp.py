"""The measure of kernel error, against numpy's own spacing and neighbors and ml_dtypes' bfloat16."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.numerics import ulp
from suites.numerics.ulp import BF16, FP32

pytestmark = pytest.mark.unit

FORMATS = pytest.mark.parametrize("kind", [BF16, FP32], ids=["bf16", "fp32"])
floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


def finite_bf16() -> np.ndarray:
    values = ulp.all_bf16()
    return values[np.isfinite(ulp.widen(values))]


def test_constants_agree_with_ml_dtypes_finfo():
    for kind in (BF16, FP32):
        facts = ml_dtypes.finfo(kind.dtype)
        assert kind.largest == float(facts.max)
        assert float(facts.smallest_normal) == ulp.SMALLEST_NORMAL
        assert ulp.spacing(1.0, kind) == float(facts.eps)


def test_spacing_of_every_bf16_agrees_with_ml_dtypes():
    values = finite_bf16()
    # numpy's spacing points away from zero, so it is the gap of the value's own binade.
    expected = np.abs(np.spacing(values).astype(np.float64))
    inside = np.isfinite(expected)  # the largest value has no finite neighbor
    np.testing.assert_array_equal(ulp.spacing(ulp.widen(values), BF16)[inside], expected[inside])
    assert (~inside).sum() == 2


@given(floats)
def test_spacing_of_float32_agrees_with_numpy(value):
    expected = abs(float(np.spacing(np.float32(value)))) if abs(value) < FP32.largest else 2.0**104
    assert ulp.spacing(value, FP32) == expected


@given(st.floats(min_value=2.0**-126, max_value=2.0**127))
def test_spacing_between_floats_equals_spacing_of_float_below(value):
    below = np.float32(value)
    if float(below) > value:
        below = np.nextafter(below, np.float32(0))
    assert ulp.spacing(value, FP32) == float(np.spacing(below))


@pytest.mark.parametrize("direction", [1, -1])
def test_step_to_neighbor_of_every_bf16_agrees_with_ml_dtypes(direction):
    values = finite_bf16()
    expected = np.nextafter(values, np.array(direction * np.inf, BF16.dtype))
    got = ulp.step(values, direction, BF16)
    np.testing.assert_array_equal(ulp.widen(got), ulp.widen(expected))


@given(floats, st.integers(-1000, 1000))
def test_steps_of_float32_agree_with_repeated_nextafter(value, count):
    expected = np.float32(value)
    for _ in range(abs(count)):
        expected = np.nextafter(expected, np.float32(np.copysign(np.inf, count)))
    assert ulp.step(np.float32(value), count, FP32) == expected


@FORMATS
def test_step_keeps_nan_and_stops_at_infinity(kind):
    got = ulp.widen(ulp.step(np.array([np.nan, np.inf, -np.inf, kind.largest], kind.dtype), 3, kind))
    np.testing.assert_array_equal(got[[0, 1, 3]], [np.nan, np.inf, np.inf])
    assert got[2] == -ulp.widen(ulp.step(np.array(np.inf, kind.dtype), -3, kind))


def test_rounding_agrees_with_ml_dtypes_on_all_rounding_cases():
    values = ulp.rounding_cases()
    with np.errstate(invalid="ignore"):
        expected = values.astype(ml_dtypes.bfloat16)
    numbers = ~np.isnan(values)
    got = ulp.round_to_nearest_even(values)
    np.testing.assert_array_equal(got.view(np.uint16)[numbers], expected.view(np.uint16)[numbers])
    assert np.isnan(ulp.widen(got[~numbers])).all()


@given(floats)
def test_rounding_gives_nearest_value_and_even_on_ties(value):
    """Of the three floats about the result none is nearer; of two equally near the even one is taken."""
    got = ulp.round_to_nearest_even(np.float32([value]))
    around = [float(ulp.widen(ulp.step(got, count, BF16))[0]) for count in (-1, 0, 1)]
    if not np.isfinite(around).all():
        return
    distances = [abs(other - value) for other in around]
    assert distances[1] == min(distances)
    if distances[1] in (distances[0], distances[2]):
        assert got.view(np.uint16)[0] % 2 == 0


def test_rounding_cases_contain_every_midpoint():
    midpoints = set((np.arange(1 << 16) << 16 | 0x8000).tolist())
    assert midpoints <= set(ulp.to_bits(ulp.rounding_cases(), FP32).tolist())


def test_largest_error_is_half_ulp_for_rounding_and_one_ulp_for_truncation():
    values = ulp.rounding_cases()
    values = values[np.isfinite(values) & (np.abs(values) < BF16.largest)]
    errors = {
        name: ulp.ulp_error(rounded(values), values, BF16).max()
        for name, rounded in (("nearest", ulp.round_to_nearest_even), ("truncated", ulp.truncate))
    }
    assert errors["nearest"] == 0.5
    assert errors["truncated"] == 1 - 2.0**-16


@FORMATS
def test_ulp_error_counts_steps_between_floats(kind):
    exact = np.array([1.0, -1.0, 3.5, 2.0**-126, 0.0, 2.0**100])
    near = exact.astype(kind.dtype)
    for count in (0, 1, 5):
        away = np.where(exact < 0, -count, count)
        got = ulp.step(near, away, kind)
        np.testing.assert_array_equal(ulp.ulp_error(got, exact, kind), count)


def test_ulp_errors_of_both_neighbors_add_up_to_one():
    third = 1 / 3
    below = np.float32(np.nextafter(np.float32(third), np.float32(0)))
    above = np.float32(third)  # rounds up
    errors = ulp.ulp_error(np.array([below, above]), np.array([third, third]), FP32)
    assert errors.sum() == 1.0
    assert errors[1] < 0.5


@FORMATS
def test_ulp_error_of_infinity_nan_and_zero(kind):
    inf, nan, large = np.inf, np.nan, kind.largest
    beyond = large + ulp.spacing(large, kind)
    cases = [
        (inf, inf, 0), (-inf, -inf, 0), (nan, nan, 0), (inf, beyond, 0), (0.0, -0.0, 0),
        (inf, -inf, inf), (nan, 1.0, inf), (1.0, nan, inf), (inf, large, inf), (large, inf, inf),
        (-inf, beyond, inf), (nan, inf, inf),
    ]  # fmt: skip
    got, exact, expected = (np.array(column) for column in zip(*cases, strict=True))
    np.testing.assert_array_equal(ulp.ulp_error(got.astype(kind.dtype), exact, kind), expected)


def test_floor_and_scale_divide_ulp_error():
    got, exact = np.float32([1.0 + 6 * 2.0**-23]), np.array([1.0])
    assert ulp.ulp_error(got, exact, FP32) == 6
    assert ulp.ulp_error(got, exact, FP32, scale=3.0) == 2
    assert ulp.ulp_error(got, exact, FP32, floor=2 * 2.0**-23) == 4
    assert ulp.ulp_error(got, exact, FP32, floor=1.0) == 0


def test_float32_sweep_contains_powers_of_two_neighbors_and_both_signs():
    values = ulp.float32_sweep(stride=(1 << 20) + 1)
    powers = np.ldexp(1.0, np.arange(-126, 128)).astype(np.float32)
    for wanted in (powers, -powers, np.nextafter(powers, np.float32(0)), -ulp.step(powers, 3, FP32)):
        assert np.isin(wanted, values).all()
    assert not np.isnan(values).any()
