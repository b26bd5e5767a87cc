"""The verdicts of a project's checks of speed, on made-up measurements that are stored and measured again."""

import contextlib

import pytest

from bertbench import project_checks
from bertbench.gate.result import GATE_FILE, read_gate
from bertbench.measure.threads import ThreadSettings
from bertbench.project import THROUGHPUT, read_project
from bertbench.project_checks import ProjectChecks
from bertbench.project_results import record, write_results
from suites.unit import own_project
from suites.unit.made_up_results import case_info

pytestmark = pytest.mark.unit

NAME = "fp32-classifier-inference-own-b1"


@pytest.fixture
def judge(tmp_path, monkeypatch):
    """Judge a made-up measurement; the first one is recorded."""
    folder = own_project.make_repository(
        tmp_path, own_project.CLASSIFIER + own_project.THROUGHPUT.replace("0.5", "0.05")
    )
    project = read_project(folder / "bertbench.toml")
    (check,) = (check for check in project.checks if check.kind == THROUGHPUT)

    def run(*, recording=False, **changes):
        figures = case_info("fp32", "base", **changes) | {"case": NAME}
        figures["round_seconds"] = [1.0] * len(figures["efficiency_rounds"])
        process = contextlib.nullcontext(lambda *arguments: figures)
        monkeypatch.setattr(project_checks, "measuring_process", lambda threads, trains: process)
        judged = ProjectChecks(project, ThreadSettings(2, 1), recording).judge(check)
        if recording:
            record(project, [], [judged.figures], allow_dirty=False)
        return judged

    return run


@pytest.mark.parametrize(
    ("scale", "ruling"), [(1.0, "pass"), (0.9, "fail"), (1.1, "pass"), (0.5, "fail"), (0.97, "pass")]
)
def test_speed_is_judged_against_the_recorded_one(judge, scale, ruling):
    assert judge(recording=True).ruling == "recorded"
    judged = judge(scale=scale, seed=3)
    assert judged.ruling == ruling
    assert "; baseline of " in judged.detail


def test_verdicts_on_earlier_speeds_are_removed_with_those_speeds(judge, tmp_path):
    recorded, slower = judge(recording=True), judge(scale=0.5, seed=3)
    folder = tmp_path / "results"
    write_results(folder, [], [slower.figures], slower.verdicts)
    assert [verdict.verdict for verdict in read_gate(folder / GATE_FILE).verdicts] == ["regression"]
    write_results(folder, [], [], [])
    assert (folder / GATE_FILE).exists()
    write_results(folder, [], [recorded.figures], [])
    assert not (folder / GATE_FILE).exists()


def test_speed_without_a_baseline_is_unclear_in_the_report_too(judge):
    judged = judge()
    assert judged.ruling == "unclear"
    assert [verdict.verdict for verdict in judged.verdicts] == ["unclear"]
    remedy = f"record one: bertbench check --only throughput -k {NAME} --record-baselines"
    assert remedy.split(" -k")[1] in judged.detail


def test_scattered_speed_is_unclear_and_names_the_key_for_more_rounds(judge):
    judge(recording=True, spread=0.3, rounds=9)
    judged = judge(spread=0.3, rounds=9, seed=3)
    assert judged.ruling == "unclear"
    assert "measure more rounds with throughput.steps in bertbench.toml" in judged.detail
    assert "--steps" not in judged.detail


def test_disturbed_recording_warns_of_unclear_checks(judge):
    recorded = judge(recording=True, warnings=["other processes took 20 % of the CPU time"])
    assert recorded.ruling == "recorded"
    assert "disturbed (other processes took 20 % of the CPU time), so checks against it" in recorded.detail
    assert judge(seed=3).ruling == "unclear"
