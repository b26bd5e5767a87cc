"""The calibration measures the gate's error rates, and fails when they are not as demanded."""

import json
import sys

import numpy as np
import pytest

from bertbench.errors import CannotJudge, GateFailed, InputError
from bertbench.gate.limits import PAIRS
from tools.calibration import gate as calibration
from tools.calibration import noise

pytestmark = pytest.mark.unit

COMPARISONS = 20


def made_up_noise(between, within, runs=20 * 2 * PAIRS, rounds=10, drift=0.0):
    """Runs whose level scatters by `between`, with rounds that scatter by `within`, and a common drift."""
    generator = np.random.default_rng(0)
    levels = generator.normal(0, between, (runs, 1)) + drift * np.arange(runs)[:, None]
    return 0.85 * np.exp(levels + generator.normal(0, within, (runs, rounds)))


def outcomes(runs):
    return {row[0]: (row, kept) for row, kept in calibration.calibrate(runs, COMPARISONS)}


def test_quiet_machine_keeps_every_demand():
    rows = outcomes(made_up_noise(0.002, 0.02))
    assert len(rows) == 6
    assert all(kept for _, kept in rows.values())
    slow = rows[f"interleaved, {PAIRS} pairs of runs: simulated, 10 % slower"][0]
    assert slow[1:3] == (str(COMPARISONS), "100.00%")


def test_false_alarms_of_scattering_runs_are_seen():
    """Runs that differ by 10 % in truth make stored results alarm, which no test of rounds can know."""
    rows = outcomes(made_up_noise(0.1, 0.01))
    assert not rows["stored results, one run per side: simulated, unchanged"][1]
    assert not rows["stored results, one run per side: real, unchanged"][1]


def test_missed_slowdowns_are_seen():
    rows = outcomes(made_up_noise(0.0, 0.3))
    assert not rows["stored results, one run per side: simulated, 10 % slower"][1]


def test_pairs_bear_a_drift_that_stored_results_do_not():
    rows = outcomes(made_up_noise(0.002, 0.02, drift=0.002))
    assert all(kept for name, (_, kept) in rows.items() if name.startswith("interleaved"))
    assert not rows["stored results, one run per side: simulated, unchanged"][1]


def write_noise(path, runs):
    entry = {"load": 1.0, "peak_memory_mib": 60.0, "startup_seconds": 0.5}
    recording = {
        "schema_version": 1,
        "machine_id": "m",
        "recorded": "2025-03-01T10:00:00+00:00",
        "runs": [entry | {"efficiency_rounds": rounds.tolist()} for rounds in runs],
    }
    path.write_text(json.dumps(recording))
    return path


def calibrate(monkeypatch, path):
    arguments = ["gate", "--noise", str(path), "--comparisons", "20"]
    monkeypatch.setattr(sys, "argv", arguments)
    calibration.main()


def test_command_fails_on_noise_that_the_gate_cannot_bear(tmp_path, monkeypatch, capsys):
    with pytest.raises(GateFailed):
        calibrate(monkeypatch, write_noise(tmp_path / "noise.json", made_up_noise(0.1, 0.01, rounds=8)))
    assert "regression ≤ 1%" in capsys.readouterr().out


def test_command_needs_enough_runs(tmp_path, monkeypatch):
    with pytest.raises(CannotJudge, match="140 runs are needed"):
        calibrate(monkeypatch, write_noise(tmp_path / "noise.json", made_up_noise(0.01, 0.01, runs=30)))


def test_recording_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    measured = {"load": 1.0, "efficiency_rounds": [0.8] * 6, "peak_memory_mib": 60.0, "startup_seconds": 0.5}
    monkeypatch.setattr(noise, "_measure", lambda arguments, output_dir: measured)
    assert len(noise.read_noise(noise.record(2, ())).runs) == 2
    path = noise.record(5, ())
    assert len(noise.read_noise(path).runs) == 5
    assert json.loads(path.read_text())["command"] == "python -m tools.calibration.noise --runs 5"


def test_recordings_of_two_benchmarks_are_not_mixed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    measured = {"load": 1.0, "efficiency_rounds": [0.8] * 6, "peak_memory_mib": 60.0, "startup_seconds": 0.5}
    monkeypatch.setattr(noise, "_measure", lambda arguments, output_dir: measured)
    noise.record(2, ("squad", "--config", "tiny"))
    with pytest.raises(InputError, match="noise of another benchmark"):
        noise.record(5, ())
