"""The sweeps and the fitted exponents, against curves whose exponents are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.scaling import Point, describe_sweeps, fit_exponent, make_sweeps, measure_points

pytestmark = pytest.mark.unit

BASE = Point("tiny", "bf16", "inference", 4, 128, 2, 2)


@given(st.floats(-3, 3), st.floats(1e-6, 1e3))
def test_exponent_of_power_law_is_recovered(exponent, factor):
    sizes = np.array([1.0, 2.0, 4.0, 16.0])
    assert fit_exponent(sizes, factor * sizes**exponent) == pytest.approx(exponent, abs=1e-9)


def test_single_size_has_no_exponent():
    assert fit_exponent([2], [0.1]) is None


def test_each_sweep_changes_one_size_only():
    for name, points in make_sweeps(BASE).items():
        assert BASE in points or name == "sequence"
        for point in points:
            assert {f for f in BASE.__dataclass_fields__ if getattr(point, f) != getattr(BASE, f)} <= {name}
        sizes = [getattr(point, name) for point in points]
        assert sizes == sorted(set(sizes))


def test_times_proportional_to_flop_have_expected_exponents():
    """Batch and layers grow linearly; attention's square lifts the sequence's exponent above 1."""
    sweeps = make_sweeps(BASE)
    points = {point for sweep in sweeps.values() for point in sweep}
    seconds = {point: [1e-9 * point.flop / point.threads] * 3 for point in points}
    rows = {row[0]: row for row in describe_sweeps(sweeps, seconds)}
    assert (rows["batch size"][3], rows["batch size"][4]) == ("1.00", "1.00")
    assert (rows["layers"][3], rows["layers"][4]) == ("1.00", "1.00")
    assert rows["threads"][3] == "-1.00"
    assert rows["sequence"][3] == rows["sequence"][4]
    assert 1 < float(rows["sequence"][4]) < 2


def test_points_are_measured_in_separate_processes():
    points = [Point("tiny", "fp32", "inference", 1, 8, 1, threads) for threads in (1, 2)]
    seconds = measure_points(points, rounds=2)
    assert seconds.keys() == set(points)
    assert all(len(times) == 2 and min(times) > 0 for times in seconds.values())
