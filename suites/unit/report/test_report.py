"""The report shows the results in three formats."""

import json
import re
from xml.etree import ElementTree

import pytest

from suites.unit.exit_status import run
from suites.unit.made_up_results import (
    accuracy_case,
    case_info,
    failed,
    grid,
    write_accuracy,
    write_lengths,
    write_numerics,
    write_throughput,
)
from suites.unit.report.rendered import SECTIONS, answers, report, section

pytestmark = pytest.mark.unit


def test_report_verdict_counts_every_check(whole):
    page = (whole / "report.html").read_text(encoding="utf-8")
    # 6 scores against a baseline and 3 against fp32, 7 kernels, 24 layer errors, and 12 cases with
    # efficiency, memory and start-up
    assert "Still accurate, exact and fast" in page
    assert f"All {9 + 7 + 24 + 12 * 3} checks passed" in page


def test_report_shows_values_of_the_results(tmp_path):
    bf16, fp32 = case_info("bf16", "large"), case_info("fp32", "large")
    write_throughput(tmp_path / "throughput.json", [bf16, fp32])
    write_accuracy(tmp_path, [accuracy_case("fp32", 87.31), accuracy_case("bf16", 87.2)])
    page = report(tmp_path)
    assert f"{bf16['examples_per_second'] / fp32['examples_per_second']:.2f} ×" in page
    assert "93.0 %" in page  # the efficiency of the large geometry
    assert "−0.12 [−0.42, +0.18]" in page  # 87.2 - 87.32, against fp32


def test_failed_score_is_headline_in_html_markdown_and_junit(tmp_path):
    lost = [failed("baseline", 80.0, 87.31)]
    write_accuracy(tmp_path, [accuracy_case(), accuracy_case("fp32", 80.0, verdict="fail", comparisons=lost)])
    page = report(tmp_path)
    assert "1 check of 3 failed" in page
    assert 'class="verdict failed"' in page
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert markdown.startswith("## ❌ 1 check of 3 failed")
    assert "fp32-squad-inference" in markdown.split("<details>")[0]
    suite = ElementTree.parse(tmp_path / "report.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "0")
    (failure,) = suite.iter("failure")
    assert "F1 80.00, baseline 87.31: difference −7.31, tolerance 1" in failure.get("message")


def test_unclear_gate_makes_report_unclear(tmp_path):
    write_throughput(tmp_path / "base/throughput.json", grid())
    write_throughput(tmp_path / "throughput.json", grid(seed=9)[1:])
    assert run("gate", tmp_path / "base", tmp_path, "--output-dir", tmp_path) == 3
    assert "1 check of 34 not decided" in report(tmp_path)
    assert len(list(ElementTree.parse(tmp_path / "report.xml").iter("error"))) == 1


def test_kernel_and_layer_errors_beyond_bounds_fail(tmp_path):
    row = {"kernel": "gelu", "variant": "erf", "dtype": "bf16", "inputs": 65536, "mean_ulp": 0.4}
    row |= {"max_ulp": 2.5, "argmax": 1.5, "bound": 0.51, "verdict": "fail"}
    layer = {"model": "random", "precision": "bf16", "layer": 3, "rms_relative_error": 0.02, "bound": 0.01}
    write_numerics(tmp_path, rows=[row], layer_errors=[layer])
    page = report(tmp_path)
    assert "2 checks of 2 failed" in page
    assert "largest error 2.500 ULP at 1.5" in page


def test_measurements_without_checks_are_reported_as_not_judged(tmp_path):
    write_throughput(tmp_path / "throughput.json", grid())
    assert "Measured, not judged" in report(tmp_path)


@pytest.mark.parametrize("command", ["predict", "benchmark"])
def test_report_of_predict_or_benchmark_folder_shows_measured_results(tmp_path, call_here, command):
    more = {"predict": ("classifier",), "benchmark": ("squad", "--config", "tiny", "--max-seq-length", 16)}
    few = ("--batch-size", 4, "--steps", 3, "--warmup-steps", 1) if command == "benchmark" else ()
    status, _, err = call_here(command, *more[command], *few, "--output-dir", tmp_path)
    assert status == 0, err
    page = report(tmp_path)
    assert "Measured, not judged" in page
    told = answers(page)
    measured, other = ("Accurate?", "Fast?") if command == "predict" else ("Fast?", "Accurate?")
    assert (told[measured], told[other]) == ("measured, not judged", "not judged")
    assert re.match(r"measured \d{4}-\d\d-\d\d$", told["Since when?"])


@pytest.mark.parametrize("file", ["throughput", "accuracy", "numerics", "lengths"])
def test_report_of_single_result_file_lists_the_missing_ones(tmp_path, file):
    write = {
        "throughput": lambda: write_throughput(tmp_path / "throughput.json", grid()),
        "accuracy": lambda: write_accuracy(tmp_path, [accuracy_case()]),
        "numerics": lambda: write_numerics(tmp_path),
        "lengths": lambda: write_lengths(tmp_path),
    }
    write[file]()
    page = report(tmp_path)
    missing = {name for name in SECTIONS if "Nothing here yet" in section(page, name)}
    assert missing == set(SECTIONS) - {file}


def test_missing_section_shows_command_that_creates_it(tmp_path):
    write_numerics(tmp_path)
    page = report(tmp_path)
    for name, command in (
        ("accuracy", f"pytest -m accuracy --results-dir={tmp_path}"),
        ("throughput", f"pytest -m benchmark --results-dir={tmp_path}"),
        ("gate", f"bertbench gate HEAD {tmp_path} --output-dir {tmp_path}"),
        ("history", "pytest -m benchmark --record-baselines"),
    ):
        assert f"<code>{command}</code>" in section(page, name)


def test_single_precision_explains_missing_comparison(tmp_path):
    write_accuracy(tmp_path, [accuracy_case("fp32", tolerance=0.0)])
    write_throughput(tmp_path / "throughput.json", [case_info("fp32", "tiny")])
    page = report(tmp_path)
    assert "results of a task in both precisions" in section(page, "accuracy")
    assert "results of a case in both precisions" in section(page, "throughput")


def test_layer_errors_of_zero_are_reported(tmp_path):
    layer = {"model": "random", "precision": "fp32", "layer": 1, "rms_relative_error": 0.0, "bound": 0.0}
    write_numerics(tmp_path, layer_errors=[layer])
    assert "All 8 checks passed" in report(tmp_path)


def test_report_history_shows_commit_of_change(whole):
    page = (whole / "report.html").read_text(encoding="utf-8")
    caption = f") at {21 * 7919:012x} (run 0021, 2025-01-22), after {20 * 7919:012x}"
    assert page.count(caption) == 2 * 4  # figure caption and description of each case


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("empty",), "contains none of accuracy.json"),
        (("empty", "-o", "report.md"), "must end in .html"),
        (("newer",), "schema_version is 3"),
        (("liar",), "fp32-squad-inference against baseline: says pass, its figures say fail"),
        (("odd",), "bf16-squad-inference has no score 'f2'"),
    ],
)
def test_report_of_invalid_folder_is_rejected_in_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    path = write_accuracy(tmp_path / "newer", [accuracy_case()])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 3}))
    lie = [failed("baseline", 80.0, 87.31) | {"verdict": "pass"}]
    write_accuracy(tmp_path / "liar", [accuracy_case("fp32", 80.0, comparisons=lie)])
    write_accuracy(tmp_path / "odd", [accuracy_case(quantity="f2")])
    assert run("report", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.glob("*.html"))
