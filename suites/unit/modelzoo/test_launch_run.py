"""Running a plan with a stand-in for `bertbench`: order, log, status, several instances, interruption."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bertbench
from bertbench.measure.threads import ThreadSettings
from bertbench.modelzoo import run
from bertbench.modelzoo.resolve import Instance, LaunchPlan
from bertbench.modelzoo.run import run_plan
from bertbench.processes.placement import Placement

pytestmark = pytest.mark.unit

ANYWHERE = Placement()
ONE_THREAD = ThreadSettings(1)
SCRIPT = Path(bertbench.__file__).parent / "launch_benchmark.py"
VALUES = {
    "model_name": "bert_large",
    "precision": "fp32",
    "mode": "inference",
    "batch_size": 8,
    "verbose": False,
}


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Let run_plan start a shell script instead of `python -m bertbench`; it gets the command's arguments."""

    def install(body):
        script = tmp_path / "stand_in"
        script.write_text(f"#!/bin/sh\nshift 2\n{body}\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(run.sys, "executable", str(script))

    return install


def plan_of(output_dir, command, placements=(ANYWHERE,), **more):
    folders = (
        [output_dir]
        if len(placements) == 1
        else [output_dir / f"instance_{i}" for i in range(len(placements))]
    )
    instances = tuple(
        Instance(command, place, folder) for place, folder in zip(placements, folders, strict=True)
    )
    return LaunchPlan(
        name="bert_large_inference_fp32",
        task="SQuAD",
        action="accuracy",
        output_dir=output_dir,
        instances=instances,
        configuration=VALUES | more,
        notices=("Something to know.",),
    )


def test_every_line_is_printed_and_logged_in_order(stand_in, tmp_path, capfd):
    stand_in('echo "out $1"; echo "err $1" >&2')
    assert run_plan(plan_of(tmp_path / "out", ("one",))) == 0
    printed = capfd.readouterr().out.splitlines()
    assert printed[0] == f"Log and results: {tmp_path}/out"
    assert printed[1:-2] == ["Something to know.", "bertbench one", "out one", "err one"]
    assert printed[-2] == "Ran inference with batch size 8; exit status 0."
    (log,) = (tmp_path / "out").glob("*.log")
    assert printed[-1] == f"Log file: {log}"
    assert re.fullmatch(r"benchmark_bert_large_inference_fp32_\d{8}_\d{6}\.log", log.name)
    lines = log.read_text().splitlines()
    assert [line for line in lines if not line.startswith("    ") and not line.endswith(":")] == printed
    for fact in ("    precision: fp32", "    batch_size: 8", f"    bertbench: {bertbench.__version__}"):
        assert fact in lines
    assert any(line.startswith("    cpu: ") for line in lines)
    assert any(line.startswith("    tensorflow: ") for line in lines)


def test_run_returns_status_of_failed_command(stand_in, tmp_path, capfd):
    stand_in("exit 2")
    assert run_plan(plan_of(tmp_path, ("x",))) == 2
    assert "exit status 2" in capfd.readouterr().out


def test_killed_command_returns_128_plus_signal(stand_in, tmp_path):
    stand_in("kill -9 $$")
    assert run_plan(plan_of(tmp_path, ("x",))) == 128 + signal.SIGKILL


def test_output_not_in_utf8_is_printed_with_replacement(stand_in, tmp_path, capfd):
    stand_in(r"printf 'caf\351\n'")
    assert run_plan(plan_of(tmp_path, ("x",))) == 0
    assert "caf\ufffd" in capfd.readouterr().out


def test_commands_run_from_any_folder(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert run_plan(plan_of(tmp_path, ("fetch", "--list"))) == 0
    assert "glue/MRPC" in capfd.readouterr().out
    assert run_plan(plan_of(tmp_path, ("fetch", "nothing-like-it"))) == 2


def test_instances_run_in_parallel_on_their_cores(stand_in, tmp_path, capfd):
    cores = sorted(os.sched_getaffinity(0))
    # Each waits for the other's file, so that they cannot have run one after the other.
    stand_in(
        f"touch {tmp_path}/ready.$$; until [ $(ls {tmp_path}/ready.* | wc -l) = 2 ]; do sleep 0.01; done\n"
        'echo "cores $(taskset -pc $$ | sed "s/.*: //")"\necho "Throughput: 2.25"'
    )
    placements = (Placement((cores[0],), ONE_THREAD), Placement((cores[-1],), ONE_THREAD))
    out = tmp_path / "out"
    status = run_plan(plan_of(out, ("x",), placements, numa_cores_per_instance=1))
    assert status == 0
    printed = capfd.readouterr().out
    assert f"[0] cores {cores[0]}\n" in printed
    assert f"[1] cores {cores[-1]}\n" in printed
    assert "Throughput of 2 instances together: 4.50 examples/s" in printed
    assert '"examples_per_second": 4.5' in (out / "results.json").read_text()
    assert (out / "instance_0").is_dir()
    assert (out / "instance_1").is_dir()
    stem = "bert_large_fp32_inference_bs8_cores1"
    assert f"cores {cores[0]}\n" in (out / f"{stem}_instance0.log").read_text()
    together = (out / f"{stem}_all_instances.log").read_text()
    assert together.count("Throughput: 2.25") == 2
    # What inference_throughput_multi_instance.sh looks for and adds up, by the last word of the line.
    totals = [line.split()[-1] for line in together.splitlines() if "Total throughput" in line]
    assert totals == ["2.25", "2.25"]


def test_instance_log_is_named_after_cores_per_instance(stand_in, tmp_path):
    stand_in("true")
    cores = sorted(os.sched_getaffinity(0))[:1]
    out = tmp_path / "out"
    assert run_plan(plan_of(out, ("x",), [Placement(tuple(cores), ONE_THREAD)] * 2, num_instances=2)) == 0
    assert (out / "bert_large_fp32_inference_bs8_cores1_all_instances.log").exists()


def test_failing_instance_fails_the_run(stand_in, tmp_path, capfd):
    stand_in(f'mkdir {tmp_path}/first 2>/dev/null && exit 3\necho "Throughput: 1"')
    status = run_plan(plan_of(tmp_path / "out", ("x",), (ANYWHERE, ANYWHERE), numa_cores_per_instance=1))
    assert status == 3
    printed = capfd.readouterr().out
    assert re.search(r"Failed: instance [01]\.", printed)
    assert "together" not in printed
    assert not (tmp_path / "out" / "results.json").exists()


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_started_processes_end_with_the_launcher(tmp_path, number):
    """A launcher in a separate process, interrupted while its command sleeps."""
    script = tmp_path / "stand_in"
    script.write_text(
        f"#!/bin/sh\necho $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; sleep 60\n"
    )
    script.chmod(0o755)
    words = ["-m", "bert_large", "-p", "fp32", "-mo", "inference", "--output-dir"]
    program = (
        f"import sys; from bertbench import launch_benchmark as l; from bertbench.modelzoo import run\n"
        f"sys.argv[1:] = {[*words, str(tmp_path / 'out')]!r}\nrun.sys.executable = {str(script)!r}\nl.main()"
    )
    launcher = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.DEVNULL,
        cwd=SCRIPT.parents[1],
        stderr=subprocess.PIPE,
    )
    wait_for((tmp_path / "pid").exists)
    child = int((tmp_path / "pid").read_text())
    launcher.send_signal(number)
    _, errors = launcher.communicate(timeout=20)
    assert launcher.returncode == 128 + number
    assert b"Traceback" not in errors
    wait_for(lambda: not Path(f"/proc/{child}").exists())


@pytest.mark.parametrize("words", [["launch_benchmark.py"], ["-m", "bertbench.launch_benchmark"]])
def test_launcher_runs_as_script_and_as_module(tmp_path, words):
    place = SCRIPT.parent if words[0].endswith(".py") else SCRIPT.parents[1]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    line = ["-m", "bert_large", "-p", "fp32", "-mo", "inference", "--dry-run", "--output-dir"]
    result = subprocess.run(
        [sys.executable, *words, *line, str(tmp_path / "out")],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "bertbench benchmark squad" in result.stdout
    assert not (tmp_path / "out").exists()


def test_launcher_error_is_one_line_with_status_2(tmp_path):
    result = subprocess.run(
        [sys.executable, SCRIPT, "--mode", "trainign"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 2
    assert result.stderr == (
        "launch_benchmark: --mode: 'trainign' is not a valid choice; use training or inference.\n"
    )
