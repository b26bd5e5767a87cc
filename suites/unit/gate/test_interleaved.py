"""Two revisions are built, run A B A B, judged, and leave nothing behind, however the comparison ends."""

import itertools
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from bertbench import entry
from bertbench.entry import STOPPING
from bertbench.errors import InputError
from bertbench.gate.interleaved import PairedRuns, default_cases, gate_against
from bertbench.gate.runs import Interpreter, run_benchmark
from suites.unit.git_repository import commit, git

pytestmark = pytest.mark.unit

# Stands for `bertbench benchmark`: the machine loses 3 % with every run, which hides a 10 % slower head
# from a comparison of unpaired runs.
BENCHMARK = """
import json, os, pathlib, sys
output_dir = pathlib.Path(sys.argv[sys.argv.index("--output-dir") + 1])
log = pathlib.Path(os.environ["RUN_LOG"])
runs = log.read_text().split() if log.exists() else []
log.write_text(" ".join([*runs, os.environ["SPEED"]]))
efficiency = float(os.environ["SPEED"]) * 0.97 ** len(runs)
rounds = [efficiency * factor for factor in (0.99, 1.0, 1.01, 1.0, 0.995)]
output_dir.mkdir(parents=True)
(output_dir / "results.json").write_text(json.dumps({
    "schema_version": 2, "case": f"bf16-{sys.argv[1]}", "efficiency_rounds": rounds,
    "peak_memory_mib": 900.0, "startup_seconds": 5.0,
    "warnings": ["another process"] if len(runs) in eval(os.environ.get("DISTURBED", "()")) else [],
    "disturbance": json.loads(os.environ.get("DISTURBANCE", "null")),
}))
"""
PAIRS = 7
NO_RUNS = PairedRuns(cases=(), command="")


def install(checkout, folder):
    """An "environment" whose interpreter knows the speed that its revision's checkout states."""
    folder.mkdir()
    speed = (checkout / "speed").read_text()
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nSPEED={speed} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return python


@pytest.fixture
def revisions(repository, tmp_path, monkeypatch):
    """A repository whose last commit is 10 % slower, a log of runs, and its own temporary folder."""
    for speed in ("0.9", "0.81"):
        (repository / "speed").write_text(speed)
        commit(repository, speed)
    monkeypatch.setenv("RUN_LOG", str(tmp_path / "log"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return repository


def gate(root, tmp_path, script=BENCHMARK, cases=(("squad", "--config", "tiny"),), install=install):
    (tmp_path / "benchmark.py").write_text(script)
    runs = PairedRuns(cases, command="", pairs=PAIRS, benchmark=[str(tmp_path / "benchmark.py")])
    return gate_against(root, "HEAD~1", "HEAD", runs, install)


def assert_nothing_is_left(root, tmp_path):
    assert not list((tmp_path / "tmp").iterdir())
    assert len(git(root, "worktree", "list").splitlines()) == 1


def test_runs_alternate_and_slower_head_is_found_despite_drift(revisions, tmp_path):
    result = gate(revisions, tmp_path)
    assert (tmp_path / "log").read_text().split() == ["0.9", "0.81"] * PAIRS
    verdicts = {verdict.quantity: verdict for verdict in result.verdicts}
    assert verdicts["efficiency"].verdict == "regression"
    assert verdicts["efficiency"].change == pytest.approx(0.9 * 0.97 - 1)
    assert verdicts["efficiency"].case == "bf16-squad"
    assert (verdicts["peak memory (MiB)"].verdict, verdicts["start-up (s)"].verdict) == ("ok", "ok")
    assert_nothing_is_left(revisions, tmp_path)


def test_unclear_comparison_continues_up_to_twice_the_pairs(revisions, tmp_path):
    """Each pair's sides differ by 10 % either way, so that a fall of 10 % is never excluded."""
    noisy = BENCHMARK.replace('float(os.environ["SPEED"])', "0.8 * (1.15 if len(runs) % 4 in (1, 2) else 1)")
    result = gate(revisions, tmp_path, script=noisy)
    assert len((tmp_path / "log").read_text().split()) == 2 * 2 * PAIRS
    assert (result.verdicts[0].verdict, result.verdicts[0].detail[:8]) == ("unclear", "14 pairs")


def test_disturbed_pairs_are_repeated_and_excluded(revisions, tmp_path, monkeypatch):
    """The second pair's base and the fourth's head: nine pairs give seven undisturbed ones."""
    monkeypatch.setenv("DISTURBED", "(2, 7)")
    result = gate(revisions, tmp_path)
    assert len((tmp_path / "log").read_text().split()) == 2 * (PAIRS + 2)
    assert result.verdicts[0].verdict == "regression"
    assert result.verdicts[0].detail == f"{PAIRS} pairs"
    assert "9 interleaved pairs of runs on one machine, 2 of them disturbed" in result.notes[0]


def test_too_few_undisturbed_pairs_are_unclear(revisions, tmp_path, monkeypatch):
    monkeypatch.setenv("DISTURBED", "range(100)")
    result = gate(revisions, tmp_path)
    assert len((tmp_path / "log").read_text().split()) == 2 * 2 * PAIRS
    verdicts = {verdict.quantity: verdict for verdict in result.verdicts}
    assert verdicts["efficiency"].verdict == verdicts["start-up (s)"].verdict == "unclear"
    assert "the base was disturbed (another process)" in verdicts["efficiency"].detail


@pytest.mark.parametrize(
    ("disturbance", "verdict", "note"),
    [
        (
            '{"seconds": 9, "peak_range": 1.28}',
            "regression",
            "7 interleaved pairs of runs on one machine; in 7 the machine's",
        ),
        (
            '{"seconds": 9, "others": 0.5}',
            "unclear",
            "14 interleaved pairs of runs on one machine, 14 of them disturbed.",
        ),
    ],
    ids=["unstable", "busy"],
)
def test_pairs_of_unstable_machine_are_judged_and_those_of_busy_one_are_not(
    revisions, tmp_path, monkeypatch, disturbance, verdict, note
):
    monkeypatch.setenv("DISTURBED", "range(100)")
    monkeypatch.setenv("DISTURBANCE", disturbance)
    result = gate(revisions, tmp_path)
    assert result.verdicts[0].verdict == verdict
    assert note in result.notes[0]


def test_uncommitted_changes_are_reported(revisions, tmp_path):
    assert len(gate(revisions, tmp_path).notes) == 1
    (revisions / "speed").write_text("2")
    assert "they were not measured" in gate(revisions, tmp_path).notes[1]


def test_every_case_is_run_for_both_sides(revisions, tmp_path):
    result = gate(revisions, tmp_path, cases=[("squad",), ("classifier",)])
    assert {verdict.case for verdict in result.verdicts} == {"bf16-squad", "bf16-classifier"}
    assert len((tmp_path / "log").read_text().split()) == 4 * PAIRS


@pytest.mark.parametrize(("native", "precisions"), [(True, {"fp32", "bf16"}), (False, {"fp32"})])
def test_default_cases_are_base_and_large_in_native_precisions(native, precisions):
    cases = default_cases(native)
    pairs = {(case[case.index("--config") + 1], case[case.index("--precision") + 1]) for case in cases}
    assert pairs == set(itertools.product(("bert-base", "bert-large-4l"), precisions))


def test_failing_run_reports_its_last_line_and_leaves_no_files(revisions, tmp_path):
    with pytest.raises(InputError, match="exit status 1: RuntimeError: no such option"):
        gate(revisions, tmp_path, "raise RuntimeError('no such option')")
    assert_nothing_is_left(revisions, tmp_path)


def test_failing_build_leaves_no_files(revisions, tmp_path):
    def fail(checkout, folder):
        raise InputError("pip failed")

    with pytest.raises(InputError, match="pip failed"):
        gate(revisions, tmp_path, install=fail)
    assert_nothing_is_left(revisions, tmp_path)


def test_termination_stops_the_run_and_leaves_no_files(revisions, tmp_path):
    script = f"""
import os, pathlib, signal, time
pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
os.kill({os.getpid()}, signal.SIGTERM)
time.sleep(60)
"""
    before = {number: signal.getsignal(number) for number in STOPPING}
    entry._stop_on_signals()
    try:
        with pytest.raises(entry.Stopped) as stopped:
            gate(revisions, tmp_path, script)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert stopped.value.number == signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert_nothing_is_left(revisions, tmp_path)


def test_same_commit_as_both_sides_is_rejected(revisions, tmp_path):
    git(revisions, "branch", "copy", "HEAD~1")
    with pytest.raises(InputError, match="are the same commit"):
        gate_against(revisions, "copy", "HEAD~1", NO_RUNS)


def test_unknown_revision_is_rejected(revisions):
    with pytest.raises(InputError, match="nonsense: is neither"):
        gate_against(revisions, "nonsense", "HEAD", NO_RUNS)


def test_package_in_current_folder_is_not_run(tmp_path, monkeypatch):
    """Both sides would else measure the checkout in which the gate was started."""
    impostor = tmp_path / "bertbench"
    impostor.mkdir()
    (impostor / "__main__.py").write_text("raise SystemExit('the wrong package')")
    (impostor / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InputError) as failure:
        run_benchmark(Interpreter("this", Path(sys.executable)), ["no-such-task"], tmp_path / "out")
    assert "the wrong package" not in str(failure.value)


def test_missing_git_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("git") is None
    with pytest.raises(InputError, match="git is not installed"):
        gate_against(tmp_path, "a", "b", NO_RUNS)


def test_results_without_rounds_are_rejected(revisions, tmp_path):
    script = BENCHMARK.replace("rounds = [", "rounds = [] and [")
    with pytest.raises(InputError, match="efficiency_rounds is empty; give more steps"):
        gate(revisions, tmp_path, script)
