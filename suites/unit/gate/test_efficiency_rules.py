"""When a change of efficiency, memory or start-up is a regression."""

import hypothesis
import numpy as np
import pytest
import scipy.stats

from bertbench.gate.result import GateResult, VerdictKind, read_gate
from bertbench.gate.rules import judge_efficiency, judge_measurements, judge_memory, judge_startup
from bertbench.results.schema import parse_throughput, write_result
from suites.unit.gate.made_up_rounds import ROUNDS, noisy
from suites.unit.made_up_results import case_info

pytestmark = pytest.mark.unit


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


def test_allowed_fall_beyond_30_percent_passes():
    base, head = noisy(0.9, 0.03, 9, 1), noisy(0.9 * 0.65, 0.03, 9, 2)
    assert judge_efficiency("c", base, head, paired=False).verdict == VerdictKind.REGRESSION
    assert judge_efficiency("c", base, head, paired=False, threshold=0.5).verdict == VerdictKind.OK
    assert judge_efficiency("c", base, head * 0.6, paired=False, threshold=0.5).verdict == "regression"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"max_seq_length": 128}, "measured with 128 tokens, packed batching, the base with 384 tokens"),
        ({"batching": "padded"}, "measured with 384 tokens, padded batching"),
        ({"matrix_products": "oneDNN avx2"}, "computed by oneDNN avx2, the base by oneDNN avx512_core"),
    ],
)
def test_measurements_of_other_work_are_unclear(change, told):
    base, head = case_info("fp32", "base", seed=1), case_info("fp32", "base", seed=2)
    base["machine"]["matrix_products"] = head["machine"]["matrix_products"] = "oneDNN avx512_core"
    (head["machine"] if "matrix_products" in change else head).update(change)
    verdict = judge_measurements(parse_throughput(base, "base"), parse_throughput(head, "head"))
    assert verdict.verdict == VerdictKind.UNCLEAR
    assert told in verdict.detail


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


def test_paired_startup_times_that_rose_without_significance_are_unclear(tmp_path):
    """Six of seven pairs are 40 % slower, one is faster by a little: p = 2 / 128."""
    base = np.full(7, 5.0)
    verdict = judge_startup("c", base, base * [1.4, 1.41, 1.42, 1.43, 1.44, 1.45, 0.99])
    assert verdict.verdict == VerdictKind.UNCLEAR
    assert verdict.p_value == pytest.approx(2 / 128)
    assert "--pairs" in verdict.detail
    write_result(tmp_path / "gate.json", GateResult("a", "b", "bertbench gate", (), (verdict,)))
    assert read_gate(tmp_path / "gate.json").verdicts == (verdict,)
