"""The interface of all tasks: options, data, head, and decoding and scoring of a model's outputs."""

from __future__ import annotations

import errno
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bertbench.config import ModelConfig
from bertbench.data.tokenization import Tokenizer
from bertbench.errors import CannotJudge, InputError
from bertbench.formatting import words
from bertbench.measure.flops import Product
from bertbench.options import Settings, own_fields
from bertbench.tasks.dataset import Dataset, TaskResult
from bertbench.tasks.places import Embedded, Place

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource
    from bertbench.model.encoder import Encoder
    from bertbench.model.heads import Head
    from bertbench.model.weights import Weights


@dataclass(frozen=True)
class TaskSettings(Settings):
    """The options of one task; a subclass has a field `data`, None if no data is given."""

    option_group: ClassVar[str] = "data"

    @property
    def has_data(self) -> bool:
        """Whether data is given."""
        return getattr(self, "data", None) is not None

    @property
    def averages_gradients(self) -> bool:
        """Whether several processes train one model; otherwise each trains its own."""
        return True


class Task(ABC):
    """One task with its settings. The class describes the task; `bertbench.tasks.table` lists them all.

    Attributes:
      name: as on the command line.
      unit: what `Dataset.num_items` counts; scored_unit: what is scored, if that differs.
      settings_type: its options.
      data_fields: the settings for the data of a split, by split.
      help: the help text of the task in each command that has it, by the command's name.
      embedded: the model and data in the package.
      benchmark_defaults: defaults of options in benchmarks.
      place: the environment variable for data.
      head_name, head_variable: the name of the head, and a variable that only checkpoints with it contain.
      reads_text: whether reading its data needs a tokenizer.
      labels_in_inference: whether the head's predictions depend on labels.
      headline: the deciding metric; larger is better unless it is a loss.
      point: a point (a hundredth of the full score) in the unit of the metric.
      split: the default split; predict_split: the split that `train --do-predict` predicts.
      max_eval_steps: most batches to score after training; None: all.
    """

    name: ClassVar[str]
    unit: ClassVar[str] = "examples"
    scored_unit: ClassVar[str | None] = None
    settings_type: ClassVar[type[TaskSettings]]
    data_fields: ClassVar[Mapping[str, tuple[str, ...]]]
    help: ClassVar[Mapping[str, str]]
    embedded: ClassVar[Embedded]
    benchmark_defaults: ClassVar[Mapping[str, Any]] = {}
    place: ClassVar[Place]
    head_name: ClassVar[str]
    head_variable: ClassVar[str]
    reads_text: ClassVar[bool] = True
    labels_in_inference: ClassVar[bool] = False
    point: ClassVar[float] = 0.01
    headline: str
    split: str = "dev"
    predict_split: str = "dev"
    max_eval_steps: int | None = None

    def __init__(self, settings: TaskSettings | None = None, tokenizer: Tokenizer | None = None) -> None:
        """Without a tokenizer, text cannot be read; without settings, the defaults are used."""
        self.settings = self.settings_type() if settings is None else settings
        self._tokenizer = tokenizer

    @property
    @abstractmethod
    def max_seq_length(self) -> int:
        """The longest example in wordpieces."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer for text."""
        if self._tokenizer is None:
            raise InputError(
                f"{self.name} needs the model's vocabulary to read text; give it with --vocab-file."
            )
        return self._tokenizer

    def require_data(self, split: str) -> tuple[Any, ...]:
        """The values of a split's `data_fields`; nothing is read.

        Raises:
          InputError: one is not given or does not exist, or the task has no such split.
        """
        if split not in self.data_fields:
            raise InputError(
                f"{self.name} has no {split} split; choose one of {', '.join(self.data_fields)}."
            )
        missing = [word for name, word in self._data_words(split) if getattr(self.settings, name) is None]
        if missing:
            raise InputError(f"no {split} data; give {' and '.join(missing)}.")
        values = tuple(getattr(self.settings, name) for name in self.data_fields[split])
        for path in values:
            if isinstance(path, Path) and not path.exists():
                raise InputError(f"{path}: cannot be read ({os.strerror(errno.ENOENT)}); check the path.")
        return values

    def has_data(self, split: str) -> bool:
        """Whether the settings name data for a split."""
        return all(getattr(self.settings, name) is not None for name, _ in self._data_words(split))

    def _data_words(self, split: str) -> list[tuple[str, str]]:
        """The settings for the data of a split, with their names on the command line."""
        wanted = self.data_fields[split]
        return [
            (field.name, field.words[0]) for field in own_fields(self.settings_type) if field.name in wanted
        ]

    @abstractmethod
    def read(self, split: str) -> Dataset:
        """Read `train` (with labels), `dev` or `test`.

        Raises:
          InputError: the split has no file, or the file is malformed.
        """

    @classmethod
    @abstractmethod
    def settings_for(cls, data: Path, outputs: int) -> TaskSettings:
        """The settings that read the data at this path.

        Args:
          data: a file or folder. outputs: the first dimension of the checkpoint's `head_variable`.

        Raises:
          InputError: there is no data of this task.
        """

    @classmethod
    def calibration_for(cls, file: Path, outputs: int) -> tuple[TaskSettings, str]:
        """The settings that read a file to calibrate on, and the split that it is.

        Args:
          outputs: as in `settings_for`.

        Raises:
          InputError: the file is not of the task, or of no split to calibrate on.
        """
        return cls.settings_for(file, outputs), "dev"

    @abstractmethod
    def make_head(self, weights: Weights, config: ModelConfig, encoder: Encoder) -> Head:
        """The head of the task; its variables are created in `weights`."""

    def head_rows(self, source: ModelSource) -> dict[str, np.ndarray]:
        """The row of the checkpoint for each row of the head, by variable, if the order differs.

        Raises:
          InputError: the model's outputs are not the task's.
        """
        return {}

    def other_head(self, source: ModelSource) -> str | None:
        """How the checkpoint's head differs if it is another task's, from which no training can start."""
        return None

    @abstractmethod
    def head_products(
        self, config: ModelConfig, *, examples: int, tokens: int, masked: int = 0
    ) -> list[Product]:
        """The head's forward products; see `bertbench.measure.flops`.

        Args:
          examples: N; tokens: of all examples; masked: masked tokens of all, in tasks that have them.
        """

    @abstractmethod
    def random_labels(
        self, config: ModelConfig, lengths: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Random labels for random examples, in the form of `Features.labels`.

        Args:
          lengths: int [N], tokens of each example.
        """

    def evaluate(self, dataset: Dataset, outputs: Mapping[str, np.ndarray]) -> TaskResult:
        """Decode and score a model's outputs, in the order of `dataset.features`.

        Args:
          outputs: by the names of the head's `predictions`: [T] per token or [N, ...] per example.

        Raises:
          CannotJudge: an output or a score is not finite.
        """
        for name, values in outputs.items():
            if faulty := np.count_nonzero(~np.isfinite(values)):
                raise CannotJudge(
                    f"{faulty:,} of {values.size:,} {words(name)} are not finite, so that the output cannot "
                    "be scored; check the checkpoint."
                )
        outcome = self.score(dataset, outputs)
        loss = {} if outcome.loss is None else {"loss": outcome.loss}
        for name, score in (outcome.scores | loss).items():
            if not math.isfinite(score):
                raise CannotJudge(f"{words(name)} is {score}; check the checkpoint.")
        return outcome

    @abstractmethod
    def score(self, dataset: Dataset, outputs: Mapping[str, np.ndarray]) -> TaskResult:
        """Decode and score finite outputs; see `evaluate`."""

    @abstractmethod
    def answers(self, outcome: TaskResult) -> dict[str, str | float]:
        """The prediction for each item, by the item's id, or by its number counted from 0."""

    @abstractmethod
    def write_scores(self, outcome: TaskResult, output_dir: Path, global_step: int) -> None:
        """Write the task's own file of scores, if it has one; `global_step` is the checkpoint's."""

    @abstractmethod
    def write_predictions(self, outcome: TaskResult, output_dir: Path, split: str) -> None:
        """Write the task's own prediction files, if it has any."""
