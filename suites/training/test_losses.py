"""The loss decreases in bf16 as in fp32, and to nearly zero on a memorized batch."""

from pathlib import Path

import numpy as np
import pytest

from bertbench.precision import BF16, FP32, Precision
from bertbench.pytest_plugin.summary import summary_table
from bertbench.training.settings import TrainingSettings
from suites.tolerances import TOLERANCES
from suites.training.tiny import FIRST_TASK_IN_QUICK_RUNS, WITHOUT_DROPOUT, make_trainer, write_files
from tools.loss_curves import WINDOW, loss_curve

pytestmark = pytest.mark.training

OVERFITTING_STEPS = 80


@pytest.mark.parametrize("task", FIRST_TASK_IN_QUICK_RUNS)
def test_bf16_loss_curve_stays_within_tolerance_of_fp32(
    task: str, files: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    band = TOLERANCES["bf16", f"{task} loss"].bound
    fp32 = loss_curve(task, FP32, 0, files, tmp_path / "fp32")
    bf16 = loss_curve(task, BF16, 0, files, tmp_path / "bf16")
    distance = np.abs(bf16 - fp32)
    table = summary_table(request.config, "Loss of bf16 and fp32", ("task", "fp32", "bf16", "apart", "band"))
    table.add(task, f"{fp32[-1]:.3f}", f"{bf16[-1]:.3f}", f"{distance.max():.3f}", f"{band:.3f}")
    assert fp32[-1] < fp32[0] - band, "the test must see the loss fall by more than the band"
    assert not np.array_equal(bf16, fp32), "bf16 computed in fp32"
    worst = int(distance.argmax())
    assert distance[worst] <= band, (
        f"{task}: bf16 is {distance[worst]:.3f} from fp32 over the {WINDOW} steps from {worst * WINDOW}, "
        f"band {band}; run `python -m tools.loss_curves` to see how far seeds move it"
    )


@pytest.fixture(scope="module")
def files_without_dropout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("tiny"), WITHOUT_DROPOUT)


@pytest.mark.parametrize("precision", [FP32, BF16], ids=str)
@pytest.mark.parametrize("task", FIRST_TASK_IN_QUICK_RUNS)
def test_training_on_one_batch_overfits(
    task: str, precision: Precision, files_without_dropout: Path, tmp_path: Path
) -> None:
    settings = TrainingSettings(
        batch_size=8, batching="padded", num_steps=OVERFITTING_STEPS, learning_rate=0.005
    )
    trainer = make_trainer(
        files_without_dropout, tmp_path, settings, task=task, precision=precision, num_examples=8
    )
    losses = [trainer.train_step(step).loss for step in range(OVERFITTING_STEPS)]
    assert losses[0] > 0.5
    assert losses[-1] < TOLERANCES["any", "overfitted loss"].bound
