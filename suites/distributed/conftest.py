"""Jobs of two and four workers on this host, each run once."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bertbench.processes.horovod_launcher import LAUNCHER
from suites.horovod import skip_without_horovod
from suites.training.tiny import TASKS, WITHOUT_DROPOUT, write_files

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600


@dataclass(frozen=True)
class FinishedJob:
    """What the workers of a job recorded, in the order of their ranks."""

    arrays: list[dict[str, np.ndarray]]
    facts: list[dict]

    def kind(self, kind: str, rank: int = 0) -> dict[str, np.ndarray]:
        """The arrays of one kind by name."""
        mark = f"{kind}: "
        found = {
            name.removeprefix(mark): array
            for name, array in self.arrays[rank].items()
            if name.startswith(mark)
        }
        assert found, kind
        return found


@pytest.fixture(scope="session", autouse=True)
def _horovod() -> None:
    skip_without_horovod()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every task's tiny files, and a model without dropout."""
    return write_files(tmp_path_factory.mktemp("tiny"), WITHOUT_DROPOUT)


@pytest.fixture(scope="session")
def two(files: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedJob:
    return run_job(2, files, tmp_path_factory.mktemp("two"), TASKS)


@pytest.fixture(scope="session")
def four(files: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedJob:
    return run_job(4, files, tmp_path_factory.mktemp("four"), TASKS[:1])


@pytest.fixture(params=["two", "four"])
def job(request: pytest.FixtureRequest) -> FinishedJob:
    return request.getfixturevalue(request.param)


def run_job(size: int, files: Path, folder: Path, tasks: Sequence[str]) -> FinishedJob:
    python = sys.executable
    launch = [python, *LAUNCHER, "-np", str(size), "-H", f"localhost:{size}"]
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    result = subprocess.run(
        [*launch, python, "-m", "suites.distributed.worker", str(files), str(folder), *tasks],
        cwd=ROOT,
        env={**os.environ, **threads, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-4000:]
    arrays = [dict(np.load(folder / f"rank-{rank}.npz")) for rank in range(size)]
    return FinishedJob(arrays, [json.loads((folder / f"rank-{r}.json").read_text()) for r in range(size)])
