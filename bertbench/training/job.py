"""The description of a training job."""

from dataclasses import dataclass
from pathlib import Path

from bertbench.checkpoint.source import ModelSource
from bertbench.compute import Compute
from bertbench.errors import InputError
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

    @property
    def splits(self) -> list[str]:
        """The splits that it reads.

        Raises:
          InputError: there is nothing to do.
        """
        if not (self.train or self.evaluate or self.predict):
            raise InputError("nothing to do; turn on --do-train, --do-eval or --do-predict.")
        return ["train"] * self.train + self.evaluated_splits

    @property
    def evaluated_splits(self) -> list[str]:
        """The splits to score or predict with the trained model."""
        return list(dict.fromkeys(["dev"] * self.evaluate + [self.task.predict_split] * self.predict))
