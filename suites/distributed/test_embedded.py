"""The embedded models are trained for some further steps on two processes."""

from pathlib import Path

import pytest

from bertbench.embedded import MRPC, PRETRAINING_RECORDS, SQUAD_DEV, SQUAD_TRAIN
from bertbench.files import read_json
from bertbench.tasks.table import TASKS
from suites.distributed.jobs import run

pytestmark = [pytest.mark.distributed, pytest.mark.slow]

STEPS = 6
DATA = {
    "squad": (
        *("--train-file", str(SQUAD_TRAIN), "--predict-file", str(SQUAD_DEV)),
        *("--max-seq-length", "128", "--mpi-workers-sync-gradients"),
    ),
    "classifier": ("--task-name", "MRPC", "--data-dir", str(MRPC)),
    "pretraining": ("--input-file", str(PRETRAINING_RECORDS)),
}
# A few steps at a low rate keep a trained model good; wrong averages would not.
LEAST = {"squad": ("f1", 80.0), "classifier": ("accuracy", 0.7), "pretraining": ("masked_lm_accuracy", 0.75)}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("task", DATA)
def test_two_processes_train_embedded_model_to_its_score(tmp_path: Path, task: str, precision: str) -> None:
    model = str(TASKS[task].embedded.model_dir)
    output_dir = tmp_path / "out"
    steps = ("--num-train-steps", str(2 * STEPS), "--batch-size", "8", "--learning-rate", "1e-5")
    run(
        [
            *("train", task, "--model-dir", model, "--init-checkpoint", model, "--precision", precision),
            *(*DATA[task], *steps, "--do-eval", "--mpi-num-processes", "2"),
            *("--num-intra-threads", "1", "--output-dir", str(output_dir)),
        ],
        tmp_path / "log",
    )
    results = read_json(output_dir / "results.json")
    assert results["processes"] == 2
    assert results["training"]["steps"] == STEPS
    metric, least = LEAST[task]
    assert results["scores"][metric] >= least
