"""A killed worker, a terminated job, workers with different data, and resuming afterwards."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from bertbench.errors import InputError
from bertbench.processes import horovod_launcher
from bertbench.processes.horovod_launcher import LAUNCHER, run_workers
from bertbench.processes.hosts import WorkerHosts
from suites.distributed.jobs import DEADLINE, STEPS, RunningJob, run, synchronized
from suites.training.checkpoints import newest_step, read

pytestmark = pytest.mark.distributed

LONGEST_END = 60.0


@pytest.fixture(scope="module")
def whole(files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The last checkpoint of a job that was never disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    run(synchronized(files, folder / "out"), folder / "log")
    return read(folder / "out" / f"model.ckpt-{STEPS}")


def assert_ended_as(whole: dict[str, np.ndarray], output_dir: Path) -> None:
    """Bit for bit: the sum of two workers' gradients is the same in either order."""
    found = read(output_dir / f"model.ckpt-{STEPS}")
    assert found.keys() == whole.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def wait_for_step(job: RunningJob, output_dir: Path, step: int) -> None:
    """Wait until the checkpoint of this step or a later one exists."""
    deadline = time.monotonic() + DEADLINE
    while not output_dir.exists() or newest_step(output_dir) < step:
        assert job.process.poll() is None, job.log.read_text()
        assert time.monotonic() < deadline, "no checkpoint in time"
        time.sleep(0.01)


def end_after(job: RunningJob, output_dir: Path, step: int, what: str) -> float:
    """SIGKILL rank 1, or SIGTERM the job, after that step; the seconds until no process of it runs."""
    wait_for_step(job, output_dir, step)
    everything = job.processes()
    start = time.monotonic()
    if what == "worker":
        job.worker(1).kill()
    else:
        job.process.terminate()
    job.process.wait(DEADLINE)
    _, orphans = psutil.wait_procs(everything, LONGEST_END)
    assert not orphans
    return time.monotonic() - start


@pytest.mark.slow
def test_killed_worker_ends_job_and_same_command_resumes_it(
    whole: dict[str, np.ndarray], files: Path, tmp_path: Path
) -> None:
    """Killed once, ended once, then left alone: the end of a job that was never disturbed."""
    disturbed = tmp_path / "disturbed"
    with RunningJob(synchronized(files, disturbed), tmp_path / "killed.log") as killed:
        assert end_after(killed, disturbed, STEPS // 4, "worker") < LONGEST_END
        assert killed.wait() == 3
    last_line = killed.log.read_text().splitlines()[-1]
    assert last_line.startswith("bertbench: rank 1 ended with SIGKILL and the others were stopped")

    with RunningJob(synchronized(files, disturbed), tmp_path / "ended.log") as ended:
        assert end_after(ended, disturbed, STEPS // 2, "job") < LONGEST_END
        assert ended.wait() == 128 + signal.SIGTERM

    assert "[0] resuming from" in run(synchronized(files, disturbed), tmp_path / "last.log")
    assert_ended_as(whole, disturbed)


@pytest.mark.parametrize("lost", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_elastic_job_continues_after_losing_a_worker(
    lost: int, whole: dict[str, np.ndarray], files: Path, tmp_path: Path
) -> None:
    """The other worker takes over its part, even if the lost one was the one that saves."""
    out = tmp_path / "out"
    with RunningJob([*synchronized(files, out), "--elastic"], tmp_path / "log") as job:
        wait_for_step(job, out, STEPS // 3)
        everything = job.processes()
        job.worker(lost).kill()
        assert job.wait() == 0
    assert f"[{1 - lost}] 1 of 2 workers lost; continuing from step " in job.log.read_text()
    _, orphans = psutil.wait_procs(everything, LONGEST_END)
    assert not orphans
    assert_ended_as(whole, out)


def test_workers_with_different_data_stop_at_start_with_file_name(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    """Each worker's command names `train.json` in its own folder, as on different hosts."""
    for rank in range(2):
        (tmp_path / str(rank)).mkdir()
        text = (files / "train.json").read_text()
        (tmp_path / str(rank) / "train.json").write_text(text if rank == 0 else text.replace("ba", "be"))

    def launcher_command(hosts: WorkerHosts, arguments: list[str]) -> list[str]:
        python = sys.executable
        in_its_folder = f'cd {tmp_path}/$HOROVOD_RANK && exec {python} -m bertbench "$@"'
        return [
            python,
            *LAUNCHER,
            "-np",
            "2",
            "-H",
            "localhost:2",
            "sh",
            "-c",
            in_its_folder,
            "sh",
            *arguments,
        ]

    monkeypatch.setattr(horovod_launcher, "launcher_command", launcher_command)
    monkeypatch.setitem(os.environ, "TF_CPP_MIN_LOG_LEVEL", "3")
    command = synchronized(files, tmp_path / "out")
    command[command.index("--train-file") + 1] = "train.json"
    with pytest.raises(InputError, match=r"rank [01] failed; its message is above"):
        run_workers(WorkerHosts(2), command)
    printed = capfd.readouterr().err
    assert "bertbench: workers differ in data (rank 0: " in printed
    assert InputError.exit_status == 2
    assert not list((tmp_path / "out").glob("*.index"))
