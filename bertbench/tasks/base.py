"""What every task offers: its data, its head, and what it makes of a model's outputs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.checkpoint.source import ModelSource
from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.files import DataFile
from bertbench.model.encoder import Encoder
from bertbench.model.heads import Head
from bertbench.model.weights import Weights


@dataclass(frozen=True)
class Dataset:
    """A split of a task's data, ready for the model.

    Attributes:
      features: the model's input.
      items: what the task needs to read the model's outputs (examples, windows).
      files: what was read.
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
class Outcome:
    """What a task makes of a model's outputs.

    Attributes:
      scores: by metric; empty where the data holds no labels.
      per_item: scores of each item [N], by metric, on the scale of `scores`, for paired comparison.
      predictions: what `Task.write` needs to write the task's files.
      loss: the mean training loss of the examples, where the task tells it.
    """

    scores: dict[str, float]
    per_item: dict[str, np.ndarray] = field(default_factory=dict)
    predictions: Any = None
    loss: float | None = None


class Task(ABC):
    """One task.

    Attributes:
      name: as the command line says it.
      unit: what `Dataset.num_items` counts.
      headline: the metric that decides, the larger the better unless it is a loss.
      max_seq_length: the longest example in wordpieces.
      predict_split: the split whose predictions are handed in.
    """

    name: str
    unit: str
    headline: str
    max_seq_length: int
    predict_split: str = "dev"

    def has_split(self, split: str) -> bool:
        """Whether the task was given files for a split."""
        return True

    @abstractmethod
    def read(self, split: str) -> Dataset:
        """Read `train` (with labels), `dev` or `test`.

        Raises:
          InputError: the split has no file, or the file is malformed.
        """

    @abstractmethod
    def make_head(self, weights: Weights, config: ModelConfig, encoder: Encoder) -> Head:
        """The task's head, its variables made in `weights`."""

    def head_rows(self, source: ModelSource) -> dict[str, np.ndarray]:
        """Which row of the checkpoint each row of the head takes, by variable, where the order differs.

        Raises:
          InputError: the model's outputs are not the task's.
        """
        return {}

    @abstractmethod
    def judge(self, dataset: Dataset, outputs: Mapping[str, np.ndarray]) -> Outcome:
        """Decode and score a model's outputs, in the order of `dataset.features`.

        Args:
          outputs: by the names of the head's `predictions`: [T] a token or [N, ...] an example.
        """

    @abstractmethod
    def write_scores(self, outcome: Outcome, output_dir: Path, global_step: int) -> None:
        """Write the task's own file of scores, if it has one; `global_step` is the checkpoint's."""

    @abstractmethod
    def write_predictions(self, outcome: Outcome, output_dir: Path, split: str) -> None:
        """Write the task's own files of predictions, if it has some."""
