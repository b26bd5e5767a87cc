"""`bertbench train` on two workers, as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 600.0
STEPS, SAVE_EVERY = 60, 3


def train_squad(files: Path, output_dir: Path, *more: str) -> list[str]:
    """The arguments of `bertbench` for two workers on the tiny SQuAD."""
    return [
        *("train", "squad", "--config-file", str(files / "bert_config.json")),
        *("--vocab-file", str(files / "vocab.txt"), "--train-file", str(files / "train.json")),
        *("--max-seq-length", "24", "--doc-stride", "8", "--max-query-length", "8", "--batch-size", "4"),
        *("--num-intra-threads", "1", "--mpi-num-processes", "2", "--output-dir", str(output_dir), *more),
    ]


def synchronized(files: Path, output_dir: Path) -> list[str]:
    """The same, with averaged gradients, `STEPS` steps and a checkpoint every `SAVE_EVERY`."""
    steps = ("--num-train-steps", str(2 * STEPS), "--save-checkpoints-steps", str(SAVE_EVERY))
    return train_squad(files, output_dir, "--mpi-workers-sync-gradients", *steps, "--learning-rate", "1e-3")


class RunningJob:
    """A job in separate processes, which end with the context; its output is in `log`."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self.log = log
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bertbench", *arguments],
                cwd=ROOT,
                env=environment,
                stdout=file,
                stderr=file,
            )

    def __enter__(self) -> "RunningJob":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(DEADLINE)
        print(self.log.read_text())

    def wait(self) -> int:
        """The exit status."""
        return self.process.wait(DEADLINE)

    def processes(self) -> list[psutil.Process]:
        """The launcher, the workers and all processes between them."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def worker(self, rank: int) -> psutil.Process:
        """The process of a rank."""
        (worker,) = (p for p in self.processes() if p.environ().get("HOROVOD_RANK") == str(rank))
        return worker


def run(arguments: Sequence[str], log: Path) -> str:
    """The output of a job that must succeed."""
    with RunningJob(arguments, log) as job:
        assert job.wait() == 0
    return log.read_text()
