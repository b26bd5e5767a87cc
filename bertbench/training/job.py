"""What is to be trained, with what, as a value."""

from dataclasses import dataclass
from pathlib import Path

from bertbench.checkpoint.source import ModelSource
from bertbench.compute import Compute
from bertbench.tasks.base import Task
from bertbench.training.settings import TrainingSettings


@dataclass(frozen=True)
class TrainingJob:
    """One training, and what is done with the model that comes out.

    Attributes:
      evaluate: score the dev split. predict: write the predictions of the task's `predict_split`.
      max_eval_steps: batches to score at most; None scores everything.
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
