"""Lasting changes are found in noise, and noise is not one."""

import itertools
import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from bertbench.errors import GateFailed
from bertbench.report.change_points import ChangePoint, find_change_points
from tools.calibration import change_points

pytestmark = pytest.mark.unit


def levels(*parts, spread=0.01, seed=0):
    """Runs at the given (level, length) one after the other, with noise."""
    generator = np.random.default_rng(seed)
    values = [level * np.exp(generator.normal(0, spread, length)) for level, length in parts]
    return np.concatenate(values)


@pytest.mark.parametrize("at", [5, 20, 35])
def test_one_drop_is_found_at_its_index(at):
    (point,) = find_change_points(levels((0.9, at), (0.8, 40 - at)))
    assert point.index == at
    assert (point.before, point.after) == pytest.approx((0.9, 0.8), rel=0.01)
    assert point.shift == pytest.approx(-1 / 9, abs=0.02)


def test_drop_and_recovery_are_both_found():
    points = find_change_points(levels((0.9, 30), (0.8, 15), (0.9, 30)))
    assert [point.index for point in points] == [30, 45]
    assert points[0].shift < 0 < points[1].shift


def test_every_step_of_a_staircase_is_found():
    points = find_change_points(levels((0.6, 20), (0.66, 20), (0.72, 20), (0.8, 20)))
    assert [point.index for point in points] == [20, 40, 60]


def test_drop_three_runs_before_end_is_usually_found():
    """Not always: three runs are few, and a first one that scatters looks like an outlier."""
    series = [levels((0.9, 40), (0.8, 3), seed=seed) for seed in range(20)]
    found = [[point.index for point in find_change_points(values)] for values in series]
    assert found.count([40]) >= 17


def test_one_outlier_gives_no_change_point():
    values = levels((0.9, 40))
    values[25] = 0.5
    assert find_change_points(values) == []


def test_shift_below_two_percent_gives_no_change_point():
    values = levels((0.9, 50), (0.891, 50), spread=0.001)
    assert find_change_points(values) == []


def test_drop_in_twelve_runs_is_found_despite_outlier_at_start():
    """One outlier at the start, and 15 % less from the eighth run on."""
    values = levels((0.9, 7), (0.765, 5))
    values[0] = 0.6
    (point,) = find_change_points(values)
    assert point.index == 7
    assert point.shift == pytest.approx(-0.15, abs=0.02)


@pytest.mark.parametrize("beside", [[19], [20], [17, 19], [20, 22]])
def test_drop_is_found_despite_outlier_beside_it(beside):
    values = levels((0.9, 20), (0.81, 20))
    values[beside] *= 0.7
    (point,) = find_change_points(values)
    assert abs(point.index - 20) <= 1


def test_slow_drift_gives_no_change_point():
    assert find_change_points(0.9 * np.exp(np.linspace(0, -0.05, 60)) * levels((1, 60))) == []


def test_change_point_has_interval_and_p_value():
    """Of eight runs, four at each level: 2 of the 70 ways to choose four are as far apart."""
    (point,) = find_change_points([0.90, 0.93, 0.91, 0.92, 0.80, 0.83, 0.81, 0.82])
    low, high = point.interval
    assert low < point.shift < high < 0
    assert 0.02 < point.p_value < 0.1
    (sure,) = find_change_points(levels((0.9, 30), (0.8, 30)))
    assert sure.p_value <= 0.001


@pytest.mark.parametrize(
    "kind",
    [kind for kind in change_points.KINDS if kind.drift == kind.outliers],
    ids=lambda kind: f"{kind}, {kind.step:.0%}",
)
def test_error_rates_in_generated_histories_are_within_bounds(kind):
    rates = change_points.measure_error_rates(kind, 50)
    assert rates.false <= change_points.FALSE
    assert kind.step < 0.1 or rates.found >= 0.9  # of 50; the command judges 200 by the documented bound


def test_calibration_fails_if_changes_are_missed(monkeypatch):
    monkeypatch.setattr(change_points, "find_change_points", lambda values: [])
    monkeypatch.setattr(sys, "argv", ["change_points", "--histories", "5"])
    with pytest.raises(GateFailed, match="less than 95%"):
        change_points.main()


def test_calibration_fails_if_changes_are_false(monkeypatch):
    made_up = ChangePoint(2, 0.9, 0.8, (-0.1, -0.1), 0.001)
    monkeypatch.setattr(change_points, "find_change_points", lambda values: [made_up])
    monkeypatch.setattr(sys, "argv", ["change_points", "--histories", "5"])
    with pytest.raises(GateFailed, match="more than 1 false"):
        change_points.main()


def test_noise_rarely_gives_a_change_point():
    """The test's level is 1 % per split: of 300 series about 3 may alarm, and 10 would be a 0.1 % chance."""
    series = [levels((0.9, 60), spread=0.05, seed=seed) for seed in range(300)]
    assert sum(bool(find_change_points(values)) for values in series) <= 9


def test_heavy_tailed_noise_rarely_gives_a_change_point():
    generator = np.random.default_rng(1)
    series = [0.9 * np.exp(0.02 * generator.standard_t(2, size=60)) for _ in range(300)]
    assert sum(bool(find_change_points(values)) for values in series) <= 9


@hypothesis.given(st.lists(st.floats(0.01, 1), min_size=1, max_size=60))
def test_change_points_are_ordered_and_three_runs_apart(values):
    indices = [0, *(point.index for point in find_change_points(values)), len(values)]
    assert len(indices) == 2 or all(right - left >= 3 for left, right in itertools.pairwise(indices))


def test_change_points_do_not_depend_on_scale():
    values = levels((0.9, 30), (0.8, 30))
    assert [p.index for p in find_change_points(values * 100)] == [
        p.index for p in find_change_points(values)
    ]
