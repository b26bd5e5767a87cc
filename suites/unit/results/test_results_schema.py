"""Unreadable or impossible results are rejected with their place."""

import json

import numpy as np
import pytest

from bertbench.errors import InputError
from bertbench.gate.result import read_gate
from bertbench.report.history import read_history
from bertbench.results.accuracy import read_accuracy
from bertbench.results.baselines import STORAGE
from bertbench.results.numerics import read_numerics
from bertbench.results.schema import read_lengths, read_throughput
from bertbench.results.seal import seal
from suites.unit.made_up_results import (
    MACHINE_ID,
    accuracy_case,
    comparison,
    write_accuracy,
    write_results,
    write_stored_history,
)

pytestmark = pytest.mark.unit

READERS = {
    "throughput.json": read_throughput,
    "accuracy.json": read_accuracy,
    "numerics.json": read_numerics,
    "lengths.json": read_lengths,
    "gate.json": read_gate,
}
VERDICT = {
    "case": "c",
    "quantity": "efficiency",
    "verdict": "ok",
    "detail": "",
    "base": 0.50,
    "head": 0.49,
    "change": -0.021,
    "interval": [-0.04, 0.01],
    "p_value": 0.2,
    "test": "Mann-Whitney",
    "threshold": 0.05,
}
GATE = {"schema_version": 1, "base": "a", "head": "b", "command": "", "verdicts": [VERDICT]}


@pytest.fixture
def folder(tmp_path):
    write_results(tmp_path)
    (tmp_path / "gate.json").write_text(json.dumps(GATE))
    return tmp_path


def first(values, file):
    """The first measured thing in a file."""
    places = {
        "throughput.json": lambda: values["benchmarks"][0]["extra_info"],
        "accuracy.json": lambda: values["cases"][0],
        "numerics.json": lambda: values["rows"][0],
        "lengths.json": lambda: values["histogram"],
        "gate.json": lambda: values["verdicts"][0],
    }
    return places[file]()


@pytest.mark.parametrize("file", READERS)
def test_file_written_by_the_suites_is_read(folder, file):
    READERS[file](folder / file)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("throughput.json", {"efficiency": 0}, "efficiency is 0; it must be greater than or equal to"),
        ("throughput.json", {"efficiency_rounds": [0.5, -0.5]}, r"efficiency_rounds\[1\] is -0.5"),
        ("throughput.json", {"efficiency_rounds": [1e308] * 9}, r"efficiency_rounds\[0\] is 1e\+308"),
        ("throughput.json", {"efficiency_rounds": [10**400] * 9}, r"efficiency_rounds\[0\] is 10000"),
        ("throughput.json", {"peak_memory_mib": 0}, "peak_memory_mib is 0"),
        ("throughput.json", {"peak_memory_mib": float("nan")}, "peak_memory_mib is nan"),
        ("throughput.json", {"startup_seconds": -1.0}, "startup_seconds is -1.0"),
        ("throughput.json", {"examples_per_second": 0.0}, "examples_per_second is 0.0"),
        ("throughput.json", {"gflops": float("inf")}, "gflops is inf"),
        ("throughput.json", {"arithmetic_intensity": -2}, "arithmetic_intensity is -2"),
        ("throughput.json", {"batch_size": 0}, "batch_size is 0; it must be greater than or equal to 1"),
        ("throughput.json", {"schema_version": True}, "schema_version is True"),
        ("throughput.json", {"case": "bf16-squad-inference-bert-tiny-b8"}, "more than once"),
        ("accuracy.json", {"tolerance": -0.5}, "tolerance is -0.5"),
        ("accuracy.json", {"verdict": "fine"}, "verdict is 'fine'; it must be 'pass', 'unchanged'"),
        ("accuracy.json", {"per_question_scores": "../f1.npz"}, "must be a file beside it"),
        ("accuracy.json", {"scores": {"f1": 20.0}}, "against baseline: its f1 87.3 is not the case's 20"),
        ("accuracy.json", {"case": "bf16-squad-inference"}, "more than once"),
        ("throughput.json", {"efficiency": 0.9}, "efficiency 0.9 is not the center of efficiency_rounds"),
        ("throughput.json", {"efficiency_rounds": []}, "efficiency_rounds is empty"),
        ("numerics.json", {"max_ulp": -1}, "max_ulp is -1"),
        ("numerics.json", {"verdict": "fine"}, "verdict is 'fine'; it must be 'pass', 'loose' or 'fail'"),
        ("numerics.json", {"max_ulp": 0.6}, "verdict pass must be fail for error 0.6 and bound 0.51"),
        ("numerics.json", {"verdict": "fail"}, "verdict fail must be pass for error 0.5 and bound 0.51"),
        ("numerics.json", {"bound": float("nan")}, "bound is nan"),
        ("lengths.json", {"counts": []}, "histogram"),
        ("lengths.json", {"edges": [0, 10]}, "histogram"),
        ("lengths.json", {"edges": [0, 9, 9], "counts": [1, 2]}, "histogram"),
        ("lengths.json", {"counts": [-1] * 16}, r"counts\[0\] is -1"),
        ("gate.json", {"verdict": "fine"}, "verdict is 'fine'; it must be 'ok', 'regression'"),
        ("gate.json", {"change": -0.2}, "interval -0.04 to 0.01 does not hold the change -0.2"),
        ("gate.json", {"head": 0.3}, "change -0.021 is not that from 0.5 to 0.3"),
        ("gate.json", {"change": None}, "says ok without a change and its threshold"),
        ("gate.json", {"threshold": 0.01}, "says ok, its figures do not"),
        ("gate.json", {"interval": [-0.11, 0.01]}, "says ok, its figures do not"),
        ("gate.json", {"verdict": "improvement"}, "says improvement, its figures do not"),
        (
            "gate.json",
            {"quantity": "peak memory (MiB)", "base": 100.0, "head": 150.0, "change": 0.5, "interval": None},
            "says ok, its figures do not",
        ),
        (
            "gate.json",
            {"quantity": "f1", "base": 90.0, "head": 20.0, "change": -0.1, "interval": None},
            "change -0.1 is not that from 90.0 to 20.0, -70.0",
        ),
        (
            "gate.json",
            {"quantity": "f1", "base": 90.0, "head": 89.0, "change": -1.0, "interval": [-2.0, 0.0]},
            "says ok, its figures do not",
        ),
        (
            "gate.json",
            {"interval": [0.1, 0.2, 0.3]},
            r"interval is \[0.1.*; Tuple should have at most 2 items",
        ),
    ],
)
def test_impossible_value_is_rejected_with_place(folder, file, changes, message):
    values = json.loads((folder / file).read_text())
    first(values, file).update(changes)
    (folder / file).write_text(json.dumps(values))
    with pytest.raises(InputError, match=f"{file}: .*{message}"):
        READERS[file](folder / file)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"schema_version": 1, "ro', id="truncated"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
        pytest.param(b"[" * 200_000, id="nested"),
        pytest.param(b"[1" + b"0" * 5000 + b"]", id="endless integer"),
        pytest.param(b"null", id="null"),
    ],
)
@pytest.mark.parametrize("file", READERS)
def test_damaged_file_is_rejected(folder, file, data):
    (folder / file).write_bytes(data)
    with pytest.raises(InputError, match=file):
        READERS[file](folder / file)


def test_missing_commit_and_time_are_accepted(folder):
    path = folder / "throughput.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"commit_info": "none", "datetime": None}))
    result = read_throughput(path)
    assert (result.commit, result.measured) == ("", "")


def test_scores_that_differ_by_rounding_are_accepted(tmp_path):
    """A score of the official sum's order beside one that numpy summed: the last digit differs."""
    rounded = comparison("baseline", np.nextafter(87.3, 90), 87.31)
    read_accuracy(write_accuracy(tmp_path, [accuracy_case("fp32", comparisons=[rounded])]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"difference": -67.0}, r"difference -67.0 is not score minus expected, -0.01"),
        ({"difference": None}, "only one of expected and difference is given"),
        ({"interval": [0.2, 0.4]}, r"interval 0.2 to 0.4 does not contain the difference"),
        ({"interval": [0.1]}, r"interval\[1\] is missing"),
        ({"expected": float("nan")}, "expected is nan"),
        ({"score": 87.2}, "its f1 87.2 is not the case's 87.3"),
        ({"verdict": "great"}, "verdict is 'great'"),
    ],
)
def test_contradicting_comparison_is_rejected(tmp_path, changes, message):
    contradicting = comparison("baseline", 87.3, 87.31) | changes
    path = write_accuracy(tmp_path, [accuracy_case("fp32", comparisons=[contradicting])])
    with pytest.raises(InputError, match=f"accuracy.json: .*{message}"):
        read_accuracy(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"efficiency": 0.0}, "efficiency is 0.0"),
        ({"efficiency": float("nan")}, "efficiency is nan"),
        ({"efficiency": 10**400}, "efficiency is 1000"),
        ({"examples_per_second": -1.0}, "examples_per_second is -1.0"),
        ({"case": None}, "case is None"),
    ],
)
def test_impossible_value_in_stored_run_is_rejected(tmp_path, monkeypatch, changes, message):
    monkeypatch.chdir(tmp_path)
    write_stored_history(STORAGE, 3)
    path = next((STORAGE / MACHINE_ID).glob("0002_*"))
    values = json.loads(path.read_text())
    values["benchmarks"][0]["extra_info"].update(changes)
    path.write_text(json.dumps(seal(values)))
    with pytest.raises(InputError, match=f"0002_.*{message}"):
        read_history(STORAGE)
