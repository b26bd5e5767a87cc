"""The data that tasks read, and the results that they give."""

from dataclasses import dataclass
from typing import Any

from bertbench.data.features import Features
from bertbench.evaluation.items import Items
from bertbench.file_identity import DataFile


@dataclass(frozen=True)
class Dataset:
    """A split of a task's data, ready for the model.

    Attributes:
      features: the model's input.
      items: what the task needs to decode the model's outputs (examples, windows).
      files: the files that were read.
      num_items: questions or examples, as a user counts them; a question may have several windows.
    """

    features: Features
    items: Any
    files: tuple[DataFile, ...]
    num_items: int

    def first(self, count: int) -> "Dataset":
        """The first `count` examples, for tasks whose items are their examples."""
        features = self.features.first(count)
        return Dataset(features, self.items, self.files, len(features))


@dataclass(frozen=True)
class TaskResult:
    """The decoded and scored outputs of a model.

    Attributes:
      scores: by metric; empty if the data have no labels.
      items: what each item contributes to the scores; None if the data have no labels.
      predictions: what `Task.write_predictions` needs to write the task's files.
      loss: the mean training loss of the examples, if the task computes it.
    """

    scores: dict[str, float]
    items: Items | None = None
    predictions: Any = None
    loss: float | None = None
