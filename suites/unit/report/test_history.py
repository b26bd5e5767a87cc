"""Stored runs over time: series, sparklines, change points, and the speed of reading thousands."""

import itertools
import json
import math
import time

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from bertbench.cli import main
from bertbench.errors import InputError
from bertbench.report.change_points import find_change_points
from bertbench.report.history import read_history, sparkline
from suites.unit.made_up_results import MACHINE_ID, case_info, write_stored_history, write_throughput

pytestmark = pytest.mark.unit


def levels(*parts, spread=0.01, seed=0):
    """Runs at the given (level, length) one after the other, with noise."""
    generator = np.random.default_rng(seed)
    values = [level * np.exp(generator.normal(0, spread, length)) for level, length in parts]
    return np.concatenate(values)


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code


@pytest.mark.parametrize("at", [5, 20, 35])
def test_one_fall_is_found_where_it_is(at):
    (point,) = find_change_points(levels((0.9, at), (0.8, 40 - at)))
    assert point.index == at
    assert (point.before, point.after) == pytest.approx((0.9, 0.8), rel=0.01)
    assert point.shift == pytest.approx(-1 / 9, abs=0.02)


def test_fall_and_recovery_are_both_found():
    points = find_change_points(levels((0.9, 30), (0.8, 15), (0.9, 30)))
    assert [point.index for point in points] == [30, 45]
    assert points[0].shift < 0 < points[1].shift


def test_staircase_is_found_step_by_step():
    points = find_change_points(levels((0.6, 20), (0.66, 20), (0.72, 20), (0.8, 20)))
    assert [point.index for point in points] == [20, 40, 60]


def test_a_change_three_runs_old_is_found():
    (point,) = find_change_points(levels((0.9, 40), (0.8, 3)))
    assert point.index == 40


def test_one_outlier_is_no_change():
    values = levels((0.9, 40))
    values[25] = 0.5
    assert find_change_points(values) == []


def test_shift_below_two_per_cent_is_no_change():
    values = levels((0.9, 50), (0.891, 50), spread=0.001)
    assert find_change_points(values) == []


def test_noise_alone_rarely_gives_a_change():
    """The test's level is 1 % a split: of 300 series about 3 may alarm, and 10 would be a 0.1 % chance."""
    series = [levels((0.9, 60), spread=0.05, seed=seed) for seed in range(300)]
    assert sum(bool(find_change_points(values)) for values in series) <= 9


def test_heavy_tailed_noise_rarely_gives_a_change():
    generator = np.random.default_rng(1)
    series = [0.9 * np.exp(0.02 * generator.standard_t(2, size=60)) for _ in range(300)]
    assert sum(bool(find_change_points(values)) for values in series) <= 9


@hypothesis.given(st.lists(st.floats(0.01, 1), min_size=1, max_size=60))
def test_points_are_ordered_inside_and_apart(values):
    indices = [0, *(point.index for point in find_change_points(values)), len(values)]
    assert len(indices) == 2 or all(right - left >= 3 for left, right in itertools.pairwise(indices))


def test_scale_does_not_matter():
    values = levels((0.9, 30), (0.8, 30))
    assert [p.index for p in find_change_points(values * 100)] == [
        p.index for p in find_change_points(values)
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 7, 3.5], "▁█▅"),
        ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"),
        ([2, 2, 2], "▄▄▄"),
        ([5], "▄"),
    ],
)
def test_sparkline(values, expected):
    assert sparkline(values) == expected


def test_long_sparkline_is_averaged_to_its_width():
    assert sparkline([0] * 100 + [1] * 100, width=4) == "▁▁██"


@pytest.fixture
def storage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    storage = tmp_path / "baselines/throughput"
    write_stored_history(storage, 40, fall_at=31)
    return storage


def test_series_are_read_in_order_and_name_the_commit_that_changed_them(storage):
    history = read_history(storage)
    assert len(history) == 4
    for series in history:
        assert [run.number for run in series.runs] == list(range(1, 41))
        (point,) = series.change_points
        text = series.describe_change(point)
        assert f"at {31 * 7919:012x} (run 0031" in text
        assert text.endswith(f"after {30 * 7919:012x}")


def test_last_runs_of_matching_cases_only(storage):
    assert {len(series.runs) for series in read_history(storage, last=7)} == {7}
    assert {series.case for series in read_history(storage, pattern="bf16")} == {
        "bf16-squad-inference-bert-tiny-b8",
        "bf16-squad-inference-bert-large-b8",
    }
    assert len(read_history(storage, pattern="fp32-*-large-*")) == 1
    with pytest.raises(InputError, match="--case int8: matches none of"):
        read_history(storage, pattern="int8")


def test_machines_and_changed_trees_are_kept_apart(storage):
    infos = [case_info("bf16", "tiny", machine_id="other", scale=0.5)]
    write_throughput(storage / "other/0001_aaaaaaaaaaaa-dirty.json", infos)
    other = next(series for series in read_history(storage) if series.machine_id == "other")
    assert other.runs[0].label == "aaaaaaaaaaaa+"
    assert other.change_points == []


def test_command_prints_the_table_the_changes_and_the_page(storage, tmp_path, capsys):
    assert run("history", "--case", "large", "--html", "history.html") == 0
    output = capsys.readouterr().out
    assert "█" in output
    assert output.count(f"−10.2 % at {31 * 7919:012x} (run 0031") == 2
    assert "tiny" not in output
    page = (tmp_path / "history.html").read_text()
    assert page.count("<svg") == 2
    assert "bertbench history --case large --html history.html" in page


def test_nothing_stored_is_bad_input(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("history") == 2
    assert "holds no stored results" in capsys.readouterr().err


def test_strange_file_is_refused_by_name(storage):
    path = storage / MACHINE_ID / "0041_bbbbbbbbbbbb.json"
    path.write_text(json.dumps({"benchmarks": [{"extra_info": {"schema_version": 1}}]}))
    with pytest.raises(InputError, match="0041_bbbbbbbbbbbb"):
        read_history(storage)


def test_thousands_of_runs_take_less_than_two_seconds(storage, tmp_path):
    first = next(storage.rglob("0001_*.json")).read_text()
    for number in range(41, 2001):
        (storage / MACHINE_ID / f"{number:04}_{number:012x}.json").write_text(first)
    start = time.process_time()
    history = read_history(storage)
    changes = [point for series in history for point in series.change_points]
    assert time.process_time() - start < 2
    assert len(history[0].runs) == 2000
    assert math.prod(1 + point.shift for point in changes) > 0
