"""A worker that is killed, a job that is ended, workers with other data; and going on afterwards."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from bertbench.errors import InputError
from bertbench.launch import workers
from bertbench.launch.workers import LAUNCHER, WorkerHosts, run_workers
from suites.distributed.jobs import DEADLINE, Job, run, train_squad
from suites.training.test_repeating import newest_step, read

pytestmark = pytest.mark.distributed

STEPS, SAVE_EVERY = 60, 3
LONGEST_END = 60.0


def synchronised(files: Path, output_dir: Path) -> list[str]:
    steps = ("--num-train-steps", str(2 * STEPS), "--save-checkpoints-steps", str(SAVE_EVERY))
    return train_squad(files, output_dir, "--mpi-workers-sync-gradients", *steps, "--learning-rate", "1e-3")


def end_after(job: Job, output_dir: Path, step: int, what: str) -> float:
    """SIGKILL rank 1, or SIGTERM the job, after that step; the seconds until nothing of it runs."""
    deadline = time.monotonic() + DEADLINE
    while not output_dir.exists() or newest_step(output_dir) < step:
        assert job.process.poll() is None, job.log.read_text()
        assert time.monotonic() < deadline, "no checkpoint in time"
        time.sleep(0.01)
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


def test_a_killed_worker_ends_the_job_and_the_same_command_goes_on(files: Path, tmp_path: Path) -> None:
    """Killed once, ended once, then left alone: the end of a job that was never disturbed, bit for bit."""
    whole, disturbed = tmp_path / "whole", tmp_path / "disturbed"
    run(synchronised(files, whole), tmp_path / "whole.log")

    killed = Job(synchronised(files, disturbed), tmp_path / "killed.log")
    assert end_after(killed, disturbed, STEPS // 4, "worker") < LONGEST_END
    assert killed.wait() == 3
    last_line = killed.log.read_text().splitlines()[-1]
    assert last_line.startswith("bertbench: rank 1 ended with SIGKILL, and the others were ended")

    ended = Job(synchronised(files, disturbed), tmp_path / "ended.log")
    assert end_after(ended, disturbed, STEPS // 2, "job") < LONGEST_END
    assert ended.wait() == 128 + signal.SIGTERM

    assert "[0] resuming from" in run(synchronised(files, disturbed), tmp_path / "last.log")
    expected, found = (read(folder / f"model.ckpt-{STEPS}") for folder in (whole, disturbed))
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_workers_with_other_data_end_at_the_start_naming_it(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    """Each worker's command names `train.json` in a folder of its own, as another host's would be."""
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

    monkeypatch.setattr(workers, "launcher_command", launcher_command)
    monkeypatch.setitem(os.environ, "TF_CPP_MIN_LOG_LEVEL", "3")
    command = synchronised(files, tmp_path / "out")
    command[command.index("--train-file") + 1] = "train.json"
    with pytest.raises(InputError, match=r"rank [01] cannot go on; it says why above"):
        run_workers(WorkerHosts(2), command)
    said = capfd.readouterr().err
    assert "bertbench: workers disagree on data (rank 0: " in said
    assert InputError.exit_status == 2
    assert not list((tmp_path / "out").glob("*.index"))
