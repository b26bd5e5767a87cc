"""Stored runs over time: series, sparklines, change points, and the speed of reading thousands."""

import json
import re
import time

import pytest

from bertbench.errors import InputError
from bertbench.report.history import read_history, sparkline
from suites.unit.exit_status import run
from suites.unit.git_repository import commit, git
from suites.unit.made_up_results import MACHINE_ID, case_info, write_stored, write_stored_history

pytestmark = pytest.mark.unit


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
    for series in history:
        assert series.change_points is not None  # computed on first use
    assert time.process_time() - parsed < 4 * (parsed - start)
    assert {len(series.runs) for series in history} == {2000}
