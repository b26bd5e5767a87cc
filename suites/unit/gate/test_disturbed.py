"""A disturbed measurement is reported, shown and not judged; one test really disturbs a measurement."""

import json

import pytest

from bertbench.benchmarking import run as run_module
from bertbench.benchmarking.report import describe_result
from bertbench.benchmarking.run import Benchmark
from bertbench.benchmarking.workload import full_length_workload
from bertbench.gate.judging import judge_sides
from bertbench.gate.result import VerdictKind
from bertbench.gate.sides import load_folder
from bertbench.measure.threads import ThreadSettings
from suites.unit.disturbing import busy_cores
from suites.unit.exit_status import run
from suites.unit.made_up_benchmark import CASE, MadeUpPeak
from suites.unit.made_up_results import benchmark_file, case_info, write_throughput

pytestmark = pytest.mark.unit

WARNING = "other processes took 38 % of the CPU time"


UNSTABLE = "the GEMM peak varied by 128 %"


def write_sides(tmp_path, **warnings):
    for side in ("base", "head"):
        infos = [case_info("bf16", "large", seed=3, warnings=warnings.get(side, ()))]
        write_throughput(tmp_path / side / "throughput.json", infos)
    return [load_folder(tmp_path / side) for side in ("base", "head")]


@pytest.mark.parametrize("side", ["base", "head"])
def test_disturbed_side_is_unclear_and_named(tmp_path, side):
    result = judge_sides(*write_sides(tmp_path, **{side: [WARNING]}), command="")
    verdicts = {verdict.quantity: verdict for verdict in result.verdicts}
    for quantity in ("efficiency", "start-up (s)"):
        assert verdicts[quantity].verdict == VerdictKind.UNCLEAR
        assert f"the {side} was disturbed ({WARNING})" in verdicts[quantity].detail
    assert verdicts["efficiency"].change == pytest.approx(0)
    assert verdicts["peak memory (MiB)"].verdict == VerdictKind.OK


def test_undisturbed_sides_are_judged(tmp_path):
    result = judge_sides(*write_sides(tmp_path), command="")
    assert {verdict.verdict for verdict in result.verdicts} == {VerdictKind.OK}


def test_large_slowdown_in_disturbed_run_is_unclear(tmp_path):
    base, _ = write_sides(tmp_path)
    slow = case_info("bf16", "large", scale=0.5, warnings=[WARNING])
    slow["disturbance"]["others"] = 0.38
    write_throughput(tmp_path / "slow" / "throughput.json", [slow])
    efficiency = judge_sides(base, load_folder(tmp_path / "slow"), command="").verdicts[0]
    assert efficiency.verdict == VerdictKind.UNCLEAR


@pytest.mark.parametrize(
    ("efficiency", "rate", "verdict"),
    [
        (0.5, 0.5, "regression"),
        (0.5, 0.9, "unclear"),
        (0.9, 0.5, "unclear"),
        (0.8, 0.8, "unclear"),
        (1, 1, "unclear"),
    ],
)
def test_unstable_speed_hides_no_fall_of_both_efficiency_and_rate(tmp_path, efficiency, rate, verdict):
    """A GEMM peak that is measured too high lowers the efficiency alone, a slow machine the rate alone."""
    base, _ = write_sides(tmp_path)
    slow = case_info("bf16", "large", seed=3, scale=efficiency, warnings=[UNSTABLE])
    slow["disturbance"]["peak_range"] = 1.28
    slow["examples_per_second"] *= rate / efficiency
    write_throughput(tmp_path / "slow" / "throughput.json", [slow])
    judged = judge_sides(base, load_folder(tmp_path / "slow"), command="").verdicts[0]
    assert judged.verdict == verdict
    assert ("was unstable, but examples/s fell by 50 %, too" in judged.detail) == (verdict == "regression")


def test_gate_command_and_report_show_disturbance(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_sides(tmp_path, head=[WARNING])
    assert run("gate", "base", "head") == 3
    assert WARNING in capsys.readouterr().out
    assert run("report", "head", "-o", "report.html") == 0
    assert WARNING in (tmp_path / "report.html").read_text()


def test_benchmark_beside_busy_process_has_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "GemmPeak", MadeUpPeak)
    benchmark = Benchmark(CASE, full_length_workload(CASE, 1))
    benchmark.warm_up(1)
    seconds = []
    with busy_cores():
        for _ in range(300):
            (batch,), _ = benchmark.next_round()
            benchmark.call(batch)
            seconds.append(0.01)
        info = describe_result(benchmark.result(seconds), ThreadSettings(1), startup=False)
    assert any("other processes took" in warning for warning in info["warnings"])
    for side in ("base", "head"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "throughput.json").write_text(json.dumps(benchmark_file([info])))
    result = judge_sides(*(load_folder(tmp_path / side) for side in ("base", "head")), command="")
    assert result.verdicts[0].verdict == VerdictKind.UNCLEAR
    assert "other processes took" in result.verdicts[0].detail
