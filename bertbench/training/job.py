"""The description of a training job."""

from dataclasses import dataclass
from pathlib import Path

from bertbench.checkpoint.source import ModelSource
from bertbench.compute import Compute
from bertbench.tasks.base import Task
from bertbench.training.settings import TrainingSettings


@dataclass(frozen=True)
class TrainingJob:
    """One training, and what to do with the trained model.

    Attributes:
      evaluate: evaluate on the dev split. predict: write the predictions of the task's `predict_split`.
      max_eval_steps: most batches to evaluate; None evaluates everything.
    """

    task: Task
    source: ModelSource
    compute: Compute
    settings: TrainingSettings
    output_dir: Path
    train: bool = True
    evaluate: bool = False
    predict: bool = False
    max_eval_steps: int | None = None
