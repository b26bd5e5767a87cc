"""The gate judges whole results, and rejects what it cannot read."""

import json

import pytest

from bertbench.errors import CannotJudge, GateFailed, InputError
from bertbench.gate.judging import exit_status, raise_for_status
from bertbench.gate.result import GateResult, Verdict, read_gate
from bertbench.gate.sides import load_sides
from bertbench.results.schema import read_throughput
from suites.unit.exit_status import run
from suites.unit.made_up_results import (
    accuracy_case,
    benchmark_file,
    case_info,
    grid,
    write_accuracy,
    write_throughput,
)

pytestmark = pytest.mark.unit


def write_sides(tmp_path, head_infos, base_infos=None, **facts):
    base = write_throughput(tmp_path / "base/throughput.json", base_infos or grid(seed=0), **facts)
    head = write_throughput(tmp_path / "head/throughput.json", head_infos, **facts)
    return base.parent, head.parent


def test_same_speed_passes(tmp_path, capsys):
    base, head = write_sides(tmp_path, grid(seed=100))
    assert run("gate", base, head, "--output-dir", head) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.startswith(str(base))
    assert sum(line.startswith("bf16-squad-inference-bert-large-b8") for line in lines) == 3
    assert max(map(len, lines)) <= 80
    assert run("gate", base, head, "--verbose") == 0
    assert "Mann–Whitney, p" in capsys.readouterr().out
    result = read_gate(head / "gate.json")
    assert {verdict.verdict for verdict in result.verdicts} == {"ok"}
    assert result.command == f"bertbench gate --threshold 5 {base} {head}"


def test_one_slow_case_fails_and_is_reported(tmp_path, capsys):
    infos = [*grid(seed=100)[:-1], case_info("bf16", "large", mode="training", scale=0.9, seed=7)]
    base, head = write_sides(tmp_path, infos)
    assert run("gate", base, head) == 1
    assert "regressed: bf16-squad-training-bert-large-b8 (efficiency)" in capsys.readouterr().err


def test_pytest_benchmark_files_are_accepted_as_sides(tmp_path):
    base, head = write_sides(tmp_path, grid(scale=0.88, seed=100))
    assert run("gate", base / "throughput.json", head / "throughput.json") == 1


def test_missing_case_cannot_be_judged_and_new_case_is_accepted(tmp_path, capsys):
    base, head = write_sides(tmp_path, grid(seed=100)[1:])
    assert run("gate", base, head) == 3
    assert "could not judge: fp32-squad-inference-bert-tiny-b8 (efficiency)" in capsys.readouterr().err
    assert run("gate", head, base) == 0


def test_sides_without_common_cases_cannot_be_judged(tmp_path):
    write_throughput(tmp_path / "base/throughput.json", grid())
    write_accuracy(tmp_path / "head", [accuracy_case()])
    assert run("gate", tmp_path / "base", tmp_path / "head") == 3


def test_results_of_other_machine_compare_efficiency_only(tmp_path, capsys):
    slow_start = [
        info | {"startup_seconds": 50.0} for info in grid(seed=100, machine_id="xeon-8c-amx_bf16-0")
    ]
    base, head = write_sides(tmp_path, slow_start)
    assert run("gate", base, head, "--output-dir", head) == 0
    assert "only efficiency is compared" in capsys.readouterr().out
    assert {verdict.quantity for verdict in read_gate(head / "gate.json").verdicts} == {"efficiency"}


def test_more_memory_or_doubled_startup_fails(tmp_path):
    for change in ({"peak_memory_mib": 4000.0}, {"startup_seconds": 11.0}):
        base, head = write_sides(tmp_path, [info | change for info in grid(seed=100)])
        assert run("gate", base, head) == 1


def verdicts_of(*outcomes):
    verdicts = tuple(Verdict("c", "efficiency", outcome, "") for outcome in outcomes)
    return GateResult("base", "head", "", verdicts=verdicts)


@pytest.mark.parametrize(
    ("outcomes", "status", "error"),
    [
        (["ok", "improvement", "new"], 0, None),
        (["ok", "unclear", "regression"], 1, GateFailed),
        (["ok", "unclear"], 3, CannotJudge),
        (["ok", "missing"], 3, CannotJudge),
        (["new"], 3, CannotJudge),
        ([], 3, CannotJudge),
    ],
)
def test_exit_status_follows_the_verdicts(outcomes, status, error):
    assert exit_status(verdicts_of(*outcomes)) == status
    if error:
        with pytest.raises(error):
            raise_for_status(verdicts_of(*outcomes))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda values: values.pop("benchmarks"), "is not pytest-benchmark's JSON"),
        (lambda values: values["benchmarks"].clear(), "contains no benchmark"),
        (
            lambda values: values["benchmarks"][0].pop("extra_info"),
            r"benchmarks\[0\].extra_info: is not a JSON",
        ),
        (
            lambda values: values["benchmarks"][1]["extra_info"].pop("efficiency"),
            "key 'efficiency' is missing",
        ),
        (
            lambda values: values["benchmarks"][0]["extra_info"].update(efficiency_rounds=[1, "x"]),
            r"efficiency_rounds\[1\] is 'x'; it must be a valid number",
        ),
        (
            lambda values: values["benchmarks"][0]["extra_info"].update(efficiency_rounds=[]),
            "efficiency_rounds is empty",
        ),
        (lambda values: values["benchmarks"][0]["extra_info"].update(batch_size=True), "batch_size is True"),
        (
            lambda values: values["benchmarks"][0]["extra_info"].update(schema_version=1),
            "schema_version is 1, this bertbench reads 2",
        ),
        (
            lambda values: values["benchmarks"][0]["extra_info"].update(machine_id="other"),
            "mixes several machines",
        ),
    ],
)
def test_invalid_throughput_file_is_rejected_with_place(tmp_path, break_it, message):
    values = benchmark_file(grid())
    break_it(values)
    path = tmp_path / "throughput.json"
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match=f"throughput.json.*{message}"):
        read_throughput(path)


@pytest.mark.parametrize("arguments", [[], ["one"], ["one", "two", "three"], ["no-such-revision", "none"]])
def test_invalid_sides_are_rejected_in_one_line(arguments, capsys):
    assert run("gate", *arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_threshold_nan_is_rejected(tmp_path, capsys):
    assert run("gate", *write_sides(tmp_path, grid(scale=0.5)), "--threshold", "nan") == 2
    assert "threshold is nan" in capsys.readouterr().err


def test_unknown_name_outside_repository_is_rejected(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run("gate", "no-such-folder", "none") == 2
    assert "none: is neither a results folder" in capsys.readouterr().err


def test_scores_missing_in_head_folder_cannot_be_judged(tmp_path, capsys):
    base, head = write_sides(tmp_path, grid(seed=100))
    write_accuracy(base, [accuracy_case()])
    assert run("gate", base, head) == 3
    assert "could not judge: bf16-squad-inference (f1)" in capsys.readouterr().err
    assert run("gate", base, head / "throughput.json") == 0  # a file cannot hold them
    assert run("gate", head, base) == 0


def test_same_result_as_both_sides_is_rejected(tmp_path):
    base, _ = write_sides(tmp_path, grid())
    assert run("gate", base, base) == 2


def test_folder_without_results_is_rejected(tmp_path):
    with pytest.raises(InputError, match="contains none of throughput"):
        load_sides(str(tmp_path), str(tmp_path), tmp_path)
