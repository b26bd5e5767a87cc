"""Loss curves of the tiny model, and how much they differ between seeds.

    python -m tools.loss_curves

prints, for each task, the standard deviation between seeds in fp32, the largest over the windows. A tenth of
it is the band in `suites/tolerances.py` that bf16 must stay within.
"""

import tempfile
from pathlib import Path

import numpy as np

from bertbench.precision import FP32, Precision
from bertbench.training.settings import TrainingSettings
from suites.training.tiny import TASKS, make_trainer, write_files

STEPS = 60
WINDOW = 10
SEEDS = range(8)


def loss_curve(task: str, precision: Precision, seed: int, files: Path, output_dir: Path) -> np.ndarray:
    """Mean loss of each window of steps, float64 [STEPS / WINDOW]."""
    settings = TrainingSettings(
        batch_size=8, batching="padded", num_steps=STEPS, learning_rate=0.003, seed=seed
    )
    trainer = make_trainer(files, output_dir, settings, task=task, precision=precision, num_examples=40)
    losses = [trainer.train_step(step).loss for step in range(STEPS)]
    return np.mean(np.reshape(losses, (-1, WINDOW)), axis=1)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder))
        for task in TASKS:
            curves = [loss_curve(task, FP32, seed, files, files / f"{task}-{seed}") for seed in SEEDS]
            spread = np.std(curves, axis=0, ddof=1)
            print(task, "mean", np.round(np.mean(curves, axis=0), 3), "spread", np.round(spread, 3))
            print(task, f"largest spread {spread.max():.3f}")


if __name__ == "__main__":
    main()
