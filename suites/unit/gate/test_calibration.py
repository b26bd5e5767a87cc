"""The calibration records runs, measures the gate's error rates, and fails if they are too high."""

import json

import numpy as np
import pytest

from bertbench.commands import gate_calibration
from bertbench.commands.gate_calibration import calibrate
from bertbench.errors import CannotJudge, GateFailed, InputError
from bertbench.gate.calibration import describe_lack, measure_rates
from bertbench.gate.noise import NoiseCase, NoiseRun, describe_noise, read_noise, record_noise
from bertbench.gate.thresholds import Thresholds

pytestmark = pytest.mark.unit

COMPARISONS = 40
BENCHMARK = """
import json, pathlib, sys
output_dir = pathlib.Path(sys.argv[sys.argv.index("--output-dir") + 1])
output_dir.mkdir(parents=True)
(output_dir / "results.json").write_text(json.dumps({
    "schema_version": 2, "case": f"fp32-{sys.argv[1]}", "efficiency_rounds": [0.8, 0.81, 0.79],
    "peak_memory_mib": 900.0, "startup_seconds": 5.0, "warnings": ["noise"] if sys.argv[1] == "loud" else [],
}))
"""


def made_up_case(between, within, runs=60, rounds=10, drift=0.0, disturbed=0, unstable=0):
    """Runs whose level scatters by `between`, with rounds that scatter by `within`, and a common drift.

    The first ones are disturbed by other processes, the last ones unstable.
    """
    generator = np.random.default_rng(0)
    levels = generator.normal(0, between, (runs, 1)) + drift * np.arange(runs)[:, None]
    efficiencies = 0.85 * np.exp(levels + generator.normal(0, within, (runs, rounds)))
    activity = [("another process",) if number < disturbed else () for number in range(runs)]
    warnings = [("peak",) if number >= runs - unstable else told for number, told in enumerate(activity)]
    made = [
        NoiseRun(1.0, tuple(row.tolist()), 900.0, 5.0, *told)
        for row, *told in zip(efficiencies, warnings, activity, strict=True)
    ]
    return NoiseCase("fp32-squad", ("squad",), tuple(made))


def rates(case, **thresholds):
    """By (in turn, slowdown, threshold)."""
    measured = measure_rates(case, Thresholds(**thresholds), COMPARISONS)
    return {(rate.pairs is not None, rate.slowdown, rate.threshold): rate for rate in measured}


def test_quiet_machine_meets_all_rates_and_detects_5_percent_interleaved():
    found = rates(made_up_case(0.004, 0.02))
    assert all(rate.kept for rate in found.values())
    assert found[True, 0.10, 0.05].regressions == 1
    assert found[True, 0.05, 0.025].regressions > 0.9
    assert sum(bool(rate.demand) for rate in found.values()) == 4


def test_too_many_false_alarms_miss_the_required_rate():
    """Runs that differ by 10 % in truth make stored results alarm, which no test of rounds can know."""
    rate = rates(made_up_case(0.1, 0.01))[False, 0.0, 0.05]
    assert not rate.kept
    assert rate.regressions > 0.1


def test_missed_slowdowns_miss_the_required_rate():
    assert not rates(made_up_case(0.0, 0.3))[False, 0.10, 0.05].kept


def test_interleaved_runs_tolerate_drift_and_stored_results_do_not():
    found = rates(made_up_case(0.002, 0.02, drift=0.003))
    assert all(rate.kept for (paired, *_), rate in found.items() if paired)
    assert not found[False, 0.0, 0.05].kept


def test_case_threshold_applies_to_calibration_rates():
    found = rates(made_up_case(0.03, 0.01), special=(("fp32-*", 0.2),))
    assert found[False, 0.0, 0.2].kept
    assert found[False, 0.10, 0.2].demand == ""


def test_disturbed_runs_are_excluded_and_too_few_others_give_no_rates():
    case = made_up_case(0.004, 0.02, runs=40, disturbed=5)
    assert describe_noise(case).startswith("fp32-squad: 40 runs, 5 of them disturbed; load 1.0; undisturbed")
    assert len(rates(case)) == 6
    assert not list(describe_lack(case))
    disturbed = made_up_case(0.004, 0.02, runs=40, disturbed=13)
    assert not rates(disturbed)
    assert [line.split()[1:4] for line in describe_lack(disturbed)] == [["27", "of", "40"]] * 2


def test_runs_of_unstable_machine_count_for_interleaved_comparisons_only():
    case = made_up_case(0.004, 0.02, runs=40, unstable=13)
    assert {paired for paired, *_ in rates(case)} == {True}
    assert list(describe_lack(case)) == ["fp32-squad: 27 of 40 runs can be used for stored comparisons"]


@pytest.fixture
def record(tmp_path):
    script = tmp_path / "benchmark.py"
    script.write_text(BENCHMARK)

    def run(cases, runs):
        return record_noise(cases, runs, tmp_path / "noise", [str(script)])

    return run


def test_recording_alternates_cases_and_resumes(record):
    quiet, loud = ("quiet", "--steps", "3"), ("loud",)
    path = record([quiet], 2)
    assert [len(case.runs) for case in read_noise(path).cases] == [2]
    noise = read_noise(record([quiet, loud], 3))
    assert {case.case: len(case.runs) for case in noise.cases} == {"fp32-quiet": 3, "fp32-loud": 3}
    assert [len(case.undisturbed) for case in noise.cases] == [3, 0]
    assert noise.cases[0].arguments == quiet
    assert noise.cases[0].runs[0].efficiency_rounds == (0.8, 0.81, 0.79)
    assert path.stem == noise.machine_id


def test_recording_with_other_schema_version_is_rejected(record):
    path = record([("quiet",)], 1)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 1}))
    with pytest.raises(InputError, match="schema_version is 1, this bertbench reads 3"):
        record([("quiet",)], 2)


def test_recording_of_another_version_is_not_continued(record):
    path = record([("quiet",)], 1)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"machine": content["machine"] | {"tensorflow": "1.15.0"}}))
    with pytest.raises(InputError, match=r"recorded with tensorflow 1\.15\.0, this is .*remove the file"):
        record([("quiet",)], 2)
    assert [len(case.runs) for case in read_noise(path).cases] == [1]


@pytest.mark.parametrize(
    ("case", "ending", "message"),
    [
        (made_up_case(0.004, 0.01), None, ""),
        (made_up_case(0.1, 0.01), GateFailed, "too many false alarms of fp32-squad: raise"),
        (made_up_case(0.004, 0.01, unstable=50), CannotJudge, "10 of 60 runs can be used for stored"),
    ],
    ids=["quiet", "varying levels", "unstable"],
)
def test_calibrate_command_prints_rates_and_fails_if_they_are_missed(
    tmp_path, monkeypatch, capsys, case, ending, message
):
    noise = type("Noise", (), {"cases": (case,)})
    monkeypatch.setattr(gate_calibration, "record_noise", lambda cases, runs: tmp_path / "noise.json")
    monkeypatch.setattr(gate_calibration, "read_noise", lambda path: noise)
    monkeypatch.setattr(
        gate_calibration,
        "measure_rates",
        lambda *arguments, **named: measure_rates(*arguments, COMPARISONS, **named),
    )
    if ending:
        with pytest.raises(ending, match=message):
            calibrate([("squad",)], 40, Thresholds())
    else:
        calibrate([("squad",)], 40, Thresholds())
    output = capsys.readouterr().out
    assert "60 runs, " in output
    assert "regression ≤ 1 %" in output
