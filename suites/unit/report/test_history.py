"""Stored runs over time: series, sparklines, change points, and the speed of reading thousands."""

import itertools
import json
import math
import re
import sys
import time

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from bertbench.cli import main
from bertbench.errors import GateFailed, InputError
from bertbench.report.change_points import ChangePoint, find_change_points
from bertbench.report.history import read_history, sparkline
from suites.unit.git_repository import commit, git
from suites.unit.made_up_results import MACHINE_ID, case_info, write_stored, write_stored_history
from tools.calibration import change_points

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


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 7, 3.5], "▁█▅"),
        ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"),
        ([2, 2, 2], "▄▄▄"),
        ([5], "▄"),
    ],
)
def test_sparkline_shows_expected_characters(values, expected):
    assert sparkline(values) == expected


def test_long_sparkline_is_averaged_to_its_width():
    assert sparkline([0] * 100 + [1] * 100, width=4) == "▁▁██"


@pytest.fixture
def storage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    storage = tmp_path / "baselines/throughput"
    write_stored_history(storage, 40, fall_at=31)
    return storage


def test_series_are_read_in_order_with_commit_of_change(storage):
    history = read_history(storage)
    assert len(history) == 4
    for series in history:
        assert [run.number for run in series.runs] == list(range(1, 41))
        (point,) = series.change_points
        text = series.describe_change(point)
        assert re.match(r"−\d+\.\d % \(−\d+\.\d to −\d+\.\d %, p = 0\.0\d+\) at ", text)
        assert f"at {31 * 7919:012x} (run 0031" in text
        assert text.endswith(f"after {30 * 7919:012x}")


def test_change_shows_subject_of_its_commit(repository, capsys):
    """Sixteen runs of as many commits; the ninth is slower. A commit that is gone has no subject."""
    for number in range(1, 17):
        (repository / "file").write_text(str(number))
        commit(repository, "Double the padding" if number == 9 else f"change {number}")
        name = f"{number:04}_{git(repository, 'rev-parse', '--short=12', 'HEAD')}.json"
        infos = [case_info("bf16", "large", scale=0.85 if number >= 9 else 1.0, seed=number)]
        write_stored(repository / "baselines/throughput" / MACHINE_ID / name, infos)
    assert run("history") == 0
    assert re.search(r"−1\d\.\d % .* “Double the padding” \(run 0009", capsys.readouterr().out)
    git(repository, "update-ref", "HEAD", "HEAD~9")
    git(repository, "reflog", "expire", "--expire=now", "--all")
    git(repository, "gc", "--quiet", "--prune=now")
    assert run("history") == 0
    output = capsys.readouterr().out
    assert "(run 0009" in output
    assert "“" not in output


def test_last_and_case_options_select_runs(storage):
    assert {len(series.runs) for series in read_history(storage, last=7)} == {7}
    assert {series.case for series in read_history(storage, pattern="bf16")} == {
        "bf16-squad-inference-bert-tiny-b8",
        "bf16-squad-inference-bert-large-b8",
    }
    assert len(read_history(storage, pattern="fp32-*-large-*")) == 1
    with pytest.raises(InputError, match="--case int8: matches none of"):
        read_history(storage, pattern="int8")


def test_runs_of_other_machines_and_modified_trees_are_separate(storage):
    infos = [case_info("bf16", "tiny", machine_id="other", scale=0.5)]
    write_stored(storage / "other/0001_aaaaaaaaaaaa-dirty.json", infos)
    other = next(series for series in read_history(storage) if series.machine_id == "other")
    assert other.runs[0].label == "aaaaaaaaaaaa+"
    assert other.change_points == []


def test_history_command_prints_table_and_changes_and_writes_page(storage, tmp_path, capsys):
    assert run("history", "--case", "large", "--html", "history.html") == 0
    output = capsys.readouterr().out
    assert "█" in output
    assert len(re.findall(rf"−10\.\d % \(.*\) at {31 * 7919:012x} \(run 0031", output)) == 2
    assert "tiny" not in output
    page = (tmp_path / "history.html").read_text()
    assert page.count("<svg") == 2
    assert "bertbench history --case large --html history.html" in page


def test_history_without_stored_results_is_rejected(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("history") == 2
    assert "contains no stored results" in capsys.readouterr().err


def test_invalid_stored_file_is_rejected_with_its_name(storage):
    path = storage / MACHINE_ID / "0041_bbbbbbbbbbbb.json"
    path.write_text(json.dumps({"benchmarks": [{"extra_info": {"schema_version": 1}}]}))
    with pytest.raises(InputError, match="0041_bbbbbbbbbbbb"):
        read_history(storage)


def test_history_of_2000_runs_takes_little_more_than_reading_their_json(storage):
    """A ratio, as a busy machine slows both: 1.5 to 2 on a quiet one, where the whole takes under 2 s."""
    first = next(storage.rglob("0001_*.json")).read_text()
    for number in range(41, 2001):
        (storage / MACHINE_ID / f"{number:04}_{number:012x}.json").write_text(first)
    start = time.process_time()
    for file in storage.rglob("*.json"):
        json.loads(file.read_text())
    parsed = time.process_time()
    history = read_history(storage)
    changes = [point for series in history for point in series.change_points]
    assert time.process_time() - parsed < 4 * (parsed - start)
    assert len(history[0].runs) == 2000
    assert math.prod(1 + point.shift for point in changes) > 0
