"""The gate finds regressions and nothing else; each rule is shown to fail."""

import itertools
import json
import math
import statistics

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats

from bertbench.cli import main
from bertbench.errors import CannotJudge, GateFailed, InputError
from bertbench.gate.comparison import compare_paired, compare_unpaired
from bertbench.gate.judging import exit_status, raise_for_status
from bertbench.gate.result import GateResult, Verdict, VerdictKind, read_gate
from bertbench.gate.rules import judge_efficiency, judge_memory, judge_startup
from bertbench.gate.sides import load_sides
from bertbench.measure.rates import center
from bertbench.results.schema import read_throughput
from suites.unit.made_up_results import (
    accuracy_case,
    benchmark_file,
    case_info,
    grid,
    write_accuracy,
    write_throughput,
)

pytestmark = pytest.mark.unit

ROUNDS = st.lists(st.floats(0.05, 1.0), min_size=5, max_size=30)


def noisy(level, spread, count, seed):
    return level * np.exp(np.random.default_rng(seed).normal(0, spread, count))


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code


# The statistics against other computations of the same thing.


@hypothesis.given(base=ROUNDS, head=ROUNDS)
def test_unpaired_change_equals_median_log_difference(base, head):
    differences = [math.log(b) - math.log(a) for a, b in itertools.product(base, head)]
    expected = math.exp(statistics.median(differences)) - 1
    assert compare_unpaired(base, head).change == pytest.approx(expected, rel=1e-9, abs=1e-12)


@hypothesis.given(pairs=st.lists(st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)), min_size=7, max_size=12))
def test_paired_change_equals_median_of_walsh_averages(pairs):
    ratios = [math.log(head / base) for base, head in pairs]
    averages = [(x + y) / 2 for x, y in itertools.combinations_with_replacement(ratios, 2)]
    expected = math.exp(statistics.median(averages)) - 1
    assert compare_paired(*zip(*pairs, strict=True)).change == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_p_values_of_complete_separation_equal_values_by_hand():
    unpaired = compare_unpaired([0.9, 0.91, 0.92, 0.93, 0.94], [0.8, 0.81, 0.82, 0.83, 0.84])
    assert unpaired.p_lower == pytest.approx(1 / math.comb(10, 5))
    paired = compare_paired(np.linspace(0.9, 0.97, 8), np.linspace(0.8, 0.86, 8))
    assert paired.p_lower == pytest.approx(1 / 2**8)


def test_interval_agrees_with_scipys_bootstrap():
    base, head = noisy(0.9, 0.03, 30, 1), noisy(0.85, 0.05, 30, 2)
    expected = scipy.stats.bootstrap(
        (np.log(base), np.log(head)),
        lambda a, b, axis: np.median(
            np.expand_dims(b, axis - 1) - np.expand_dims(a, axis), axis=(axis - 1, axis)
        ),
        n_resamples=4000,
        batch=500,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval
    assert compare_unpaired(base, head).interval == pytest.approx(np.expm1(expected), abs=0.002)


@pytest.mark.parametrize("paired", [False, True])
def test_comparison_is_scale_invariant_and_antisymmetric(paired):
    compare = compare_paired if paired else compare_unpaired
    base, head = noisy(0.9, 0.03, 12, 1), noisy(0.8, 0.05, 12, 2)
    forward, scaled, backward = compare(base, head), compare(base * 3, head * 3), compare(head, base)
    assert scaled.change == pytest.approx(forward.change)
    assert math.log1p(backward.change) == pytest.approx(-math.log1p(forward.change))
    assert backward.p_higher == pytest.approx(forward.p_lower)


def test_center_is_not_changed_by_one_outlier():
    assert center([0.9] * 9 + [0.01]) == pytest.approx(0.9)


# The rules.


def test_large_significant_slowdown_is_a_regression():
    verdict = judge_efficiency("c", noisy(0.9, 0.02, 30, 1), noisy(0.81, 0.02, 30, 2), paired=False)
    assert verdict.verdict == VerdictKind.REGRESSION
    assert verdict.change == pytest.approx(-0.1, abs=0.02)
    assert verdict.p_value < 0.01
    assert verdict.interval[0] < verdict.change < verdict.interval[1] < 0


def test_small_significant_slowdown_is_ok():
    verdict = judge_efficiency("c", noisy(0.9, 0.001, 30, 1), noisy(0.873, 0.001, 30, 2), paired=False)
    assert verdict.p_value < 1e-6
    assert verdict.verdict == VerdictKind.OK


def test_threshold_sets_the_smallest_regression():
    rounds = noisy(0.9, 0.001, 30, 1), noisy(0.873, 0.001, 30, 2)
    assert judge_efficiency("c", *rounds, paired=False, threshold=0.02).verdict == VerdictKind.REGRESSION


def test_large_slowdown_without_significance_is_unclear():
    verdict = judge_efficiency("c", noisy(0.9, 0.3, 10, 1), noisy(0.9, 0.3, 10, 3), paired=False)
    assert verdict.change < -0.05
    assert verdict.verdict == VerdictKind.UNCLEAR
    assert "measure more rounds" in verdict.detail


def test_equal_speed_is_unclear_if_large_slowdown_is_not_excluded():
    verdict = judge_efficiency("c", noisy(0.9, 0.3, 10, 3), noisy(0.9, 0.3, 10, 1), paired=False)
    assert verdict.change > -0.05
    assert verdict.verdict == VerdictKind.UNCLEAR
    assert "10 % is not excluded" in verdict.detail


def test_higher_efficiency_is_an_improvement():
    verdict = judge_efficiency("c", noisy(0.8, 0.02, 30, 1), noisy(0.9, 0.02, 30, 2), paired=False)
    assert verdict.verdict == VerdictKind.IMPROVEMENT


@pytest.mark.parametrize(
    ("paired", "count", "option"), [(False, 4, "--steps 5"), (True, 6, "--pairs 7"), (False, 2, "--steps 5")]
)
def test_too_few_measurements_are_unclear_and_name_option_for_more(paired, count, option):
    for head in (0.9, 0.7, 1.5):
        verdict = judge_efficiency("c", [0.9] * count, [head] * count, paired=paired)
        assert verdict.verdict == VerdictKind.UNCLEAR
        assert option in verdict.detail
        assert verdict.change == pytest.approx(head / 0.9 - 1)


@pytest.mark.parametrize("count", [2, 3, 4, 30])
def test_half_speed_in_every_round_is_a_regression_even_with_few_rounds(count):
    base = noisy(0.9, 0.03, count, 1)
    verdict = judge_efficiency("c", base, noisy(0.45, 0.03, count, 2), paired=False)
    assert verdict.verdict == VerdictKind.REGRESSION
    assert verdict.change == pytest.approx(-0.5, abs=0.05)


def test_single_slow_round_is_unclear():
    assert judge_efficiency("c", [0.9], [0.4], paired=False).verdict == VerdictKind.UNCLEAR
    assert judge_efficiency("c", [0.9] * 3, [0.4, 0.4, 0.7], paired=False).verdict == VerdictKind.UNCLEAR


@pytest.mark.parametrize("paired", [False, True])
def test_unclear_slowdown_names_option_for_more_measurements(paired):
    base, head = [0.9, 1.0, 0.8] * 3, [0.95, 0.7, 0.75] * 3
    verdict = judge_efficiency("c", base, head, paired=paired)
    assert verdict.verdict == VerdictKind.UNCLEAR
    assert ("--pairs" if paired else "--steps") in verdict.detail


def test_paired_comparison_detects_slowdown_hidden_by_drift():
    drift = np.linspace(0.9, 0.5, 8)
    head = drift * noisy(0.9, 0.01, 8, 1)
    assert judge_efficiency("c", drift, head, paired=True).verdict == VerdictKind.REGRESSION
    assert judge_efficiency("c", drift, head, paired=False).verdict == VerdictKind.UNCLEAR


@hypothesis.given(base=ROUNDS, head=ROUNDS)
def test_every_regression_is_large_and_significant(base, head):
    verdict = judge_efficiency("c", base, head, paired=False)
    if verdict.verdict == VerdictKind.REGRESSION:
        less = scipy.stats.mannwhitneyu(head, base, alternative="less").pvalue
        assert np.median(np.divide.outer(head, base)) < 0.96
        assert less < 0.011


@pytest.mark.parametrize(
    ("head", "outcome"), [(1000, "ok"), (1090, "ok"), (1110, "regression"), (880, "improvement")]
)
def test_memory_is_judged_by_its_threshold(head, outcome):
    assert judge_memory("c", [1000.0], [float(head)]).verdict == outcome


def test_single_startup_time_regresses_only_if_doubled():
    assert judge_startup("c", [5.0], [9.0]).verdict == VerdictKind.OK
    assert judge_startup("c", [5.0], [10.5]).verdict == VerdictKind.REGRESSION


def test_paired_startup_times_regress_if_25_percent_slower():
    base = noisy(5, 0.1, 8, 1)
    assert judge_startup("c", base, base * 1.4).verdict == VerdictKind.REGRESSION
    assert judge_startup("c", base, base * 1.2).verdict == VerdictKind.OK
    assert judge_startup("c", base, base * 0.6).verdict == VerdictKind.IMPROVEMENT


# Whole results.


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
