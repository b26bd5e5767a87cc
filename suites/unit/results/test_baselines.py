"""Stored results are numbered, never overwritten, found by revision, and pytest-benchmark's own files."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bertbench.errors import InputError
from bertbench.gate.judging import judge_against_stored
from bertbench.gate.result import read_gate
from bertbench.gate.sides import load_sides
from bertbench.results.baselines import _write_next, list_stored, list_stored_before, record_throughput
from suites.unit.exit_status import run
from suites.unit.git_repository import commit, git
from suites.unit.made_up_results import MACHINE_ID, case_info, grid, write_stored_history, write_throughput

pytestmark = pytest.mark.unit


def measure(root, **changes):
    return write_throughput(root / "results/throughput.json", grid(**changes))


def record(root, **options):
    return record_throughput(
        root / "results/throughput.json",
        versions={"tensorflow": "2.21.0"},
        storage=root / "baselines/throughput",
        **options,
    )


def test_stored_results_are_numbered_by_machine_and_named_by_commit(repository):
    measure(repository)
    first = git(repository, "rev-parse", "--short=12", "HEAD")
    paths = [record(repository), record(repository)]
    assert [path.name for path in paths] == [f"0001_{first}.json", f"0002_{first}.json"]
    assert {path.parent.name for path in paths} == {MACHINE_ID}
    second = commit(repository, "second")
    assert record(repository).name == f"0003_{second[:12]}.json"
    measure(repository, machine_id="xeon-8c-amx_bf16-000000")
    other = record(repository)
    assert (other.parent.name, other.name[:5]) == ("xeon-8c-amx_bf16-000000", "0001_")


def test_numbers_are_not_reused_and_files_not_overwritten(repository):
    measure(repository)
    path = record(repository)
    before = path.read_bytes()
    path.with_name("0007_aaaaaaaaaaaa.json").write_bytes(before)
    assert record(repository).name.startswith("0008_")
    assert path.read_bytes() == before


def test_concurrent_recordings_take_different_numbers(tmp_path):
    """With names that differ, which alone would not keep them apart."""
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda i: _write_next(tmp_path, f"{i:012x}.json", {"recorder": i}), range(24)))
    assert sorted(int(path.name[:4]) for path in paths) == list(range(1, 25))
    assert [json.loads(path.read_text())["recorder"] for path in paths] == list(range(24))


def test_leftovers_of_killed_recording_are_removed(repository):
    measure(repository)
    folder = record(repository).parent
    for name in (".draft", "..draft.x1y2.tmp"):
        (folder / name).write_text('{"benchm')
    assert len(list_stored(folder.parent)) == 1
    assert record(repository).name.startswith("0002_")
    assert {path.name[:5] for path in folder.iterdir()} == {"0001_", "0002_"}


def test_times_of_rounds_are_not_stored(repository):
    measure(repository)
    stored = json.loads(record(repository).read_text())["benchmarks"][0]
    assert "data" not in stored["stats"]
    assert len(stored["extra_info"]["efficiency_rounds"]) == stored["stats"]["rounds"]


def test_user_time_versions_and_machine_are_stored_without_host_name(repository):
    measure(repository)
    values = json.loads(record(repository).read_text())
    recorded = values["recorded"]
    assert recorded["who"] == "Ada"
    assert recorded["when"].endswith("+00:00")
    assert recorded["versions"] == {"tensorflow": "2.21.0"}
    assert values["machine_info"]["cpu"] == "AMD EPYC 9004"
    assert "build-host-17" not in json.dumps(values)


def test_uncommitted_changes_are_rejected_unless_allowed(repository):
    measure(repository)
    (repository / "new.py").write_text("")
    with pytest.raises(InputError, match="--allow-dirty"):
        record(repository)
    path = record(repository, allow_dirty=True)
    assert path.name.endswith("-dirty.json")
    assert json.loads(path.read_text())["recorded"]["dirty"] is True


def test_new_baseline_files_do_not_count_as_uncommitted_changes(repository):
    measure(repository)
    (repository / "baselines").mkdir()
    (repository / "baselines/accuracy.json").write_text("{}")
    assert not record(repository).name.endswith("-dirty.json")


def test_pytest_benchmark_lists_and_compares_stored_results(repository):
    measure(repository)
    record(repository)
    measure(repository, scale=0.9)
    record(repository)
    command = [sys.executable, "-m", "pytest_benchmark", "--storage=file://./baselines/throughput"]
    listed = subprocess.run([*command, "list"], capture_output=True, text=True, check=True, cwd=repository)
    assert [line.rpartition("/")[2][:5] for line in listed.stdout.splitlines()] == ["0001_", "0002_"]
    compared = subprocess.run(
        [*command, "compare", "--columns=min"], capture_output=True, text=True, check=True, cwd=repository
    )
    assert compared.stdout.count("bf16-squad-inference-bert-large-b8") == 2


def test_file_written_by_pytest_benchmark_is_read(tmp_path):
    info = case_info("bf16", "tiny")
    (tmp_path / "test_it.py").write_text(
        f"def test_it(benchmark):\n    benchmark.extra_info.update({info!r})\n    benchmark(sum, [1, 2])\n"
    )
    path = tmp_path / "throughput.json"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--benchmark-json={path}"]
    subprocess.run([*command, "test_it.py"], capture_output=True, check=True, cwd=tmp_path)
    other = write_throughput(tmp_path / "other.json", [info])
    base, head = load_sides(str(other), str(path), tmp_path)
    assert base.throughput.cases == head.throughput.cases


def test_revision_finds_result_of_itself_or_nearest_ancestor(repository):
    storage = repository / "baselines/throughput"
    measure(repository)
    first = record(repository)
    commit(repository, "second")
    second = record(repository)
    commit(repository, "third")
    newer = record(repository)
    commit(repository, "fourth")

    def found(revision):
        return list_stored_before(repository, revision, storage, MACHINE_ID)[0].path

    assert found("HEAD") == newer
    assert found("HEAD~1") == newer
    assert found("HEAD~2") == second
    assert found("HEAD~3") == first
    assert [stored.number for stored in list_stored(storage)] == [1, 2, 3]


def test_result_of_other_machine_is_used_only_without_own_result(repository):
    storage = repository / "baselines/throughput"
    measure(repository, machine_id="other")
    other = record(repository)
    assert list_stored_before(repository, "HEAD", storage, MACHINE_ID)[0].path == other
    measure(repository)
    own = record(repository)
    assert list_stored_before(repository, "HEAD", storage, MACHINE_ID)[0].path == own


def test_results_with_uncommitted_changes_belong_to_no_revision(repository):
    measure(repository)
    (repository / "new.py").write_text("")
    record(repository, allow_dirty=True)
    with pytest.raises(InputError, match="contains no result of it or of an ancestor"):
        list_stored_before(repository, "HEAD", repository / "baselines/throughput", MACHINE_ID)


def test_gate_accepts_revisions_as_sides(repository, capsys):
    measure(repository)
    record(repository)
    commit(repository, "slower")
    measure(repository, scale=0.88, seed=50)
    record(repository)
    assert run("gate", "HEAD~1", "HEAD") == 1
    assert run("gate", "HEAD", "HEAD~1") == 0
    assert run("gate", "HEAD~1", "results") == 1
    assert run("gate", "HEAD", "main") == 2
    assert "name the same result" in capsys.readouterr().err


def test_session_is_compared_with_stored_results_of_selected_cases(repository):
    measure(repository)
    record(repository)
    results = repository / "results"
    write_throughput(results / "throughput.json", [case_info("bf16", "large", scale=0.88, seed=8)])
    measured = ["bf16-squad-inference-bert-large-b8"]
    result = judge_against_stored(results, command="pytest --gate", measured=measured)
    assert [verdict.verdict for verdict in result.verdicts if verdict.quantity == "efficiency"] == [
        "regression"
    ]
    assert {verdict.case for verdict in result.verdicts} == {"bf16-squad-inference-bert-large-b8"}
    assert read_gate(results / "gate.json") == result


def test_recording_of_some_cases_does_not_hide_earlier_ones_from_a_session(repository):
    measure(repository)
    record(repository)
    commit(repository, "slower")
    results = repository / "results"
    write_throughput(results / "throughput.json", [case_info("fp32", "large", seed=8)])
    record(repository)
    slow = case_info("bf16", "large", scale=0.88, seed=8)
    write_throughput(results / "throughput.json", [slow])
    result = judge_against_stored(results, command="pytest --gate", measured=[slow["case"]])
    (efficiency,) = (made for made in result.verdicts if made.quantity == "efficiency")
    assert (efficiency.case, efficiency.verdict) == (slow["case"], "regression")


def test_older_throughput_in_the_folder_is_not_judged_as_the_sessions(repository):
    measure(repository)
    record(repository)
    result = judge_against_stored(repository / "results", command="pytest --gate", measured=[])
    assert result.verdicts == ()


def test_pytest_benchmark_command_runs_inside_the_repository(tmp_path):
    """Its command line imports the suites' conftest.py before pytest reads the repository's settings."""
    write_stored_history(tmp_path, 2)
    done = subprocess.run(
        ["pytest-benchmark", f"--storage=file://{tmp_path}", "compare", "--columns=median"],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "bf16-squad-inference-bert-large-b8" in done.stdout
