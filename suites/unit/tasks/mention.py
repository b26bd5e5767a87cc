"""An additional task for tests: whether a line contains a word, with its own data, head, score and files."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import tensorflow as tf

from bertbench import kernels
from bertbench.data.features import Features, MaxSeqLength
from bertbench.evaluation.items import Items
from bertbench.files import read_content, write_text
from bertbench.measure.flops import Product
from bertbench.options import Option
from bertbench.tasks.base import Task, TaskSettings
from bertbench.tasks.dataset import Dataset, TaskResult
from bertbench.tasks.places import Embedded, Place


@dataclass(frozen=True)
class MentionSettings(TaskSettings):
    data: Annotated[Path | None, Option("A text with one example per line.")] = None
    word: Annotated[str, Option("The word that is looked for.", metavar="WORD")] = "ba"
    max_seq_length: MaxSeqLength = 16
    limit: Annotated[int, Option("Lines to predict.", minimum=1, only=("predict",))] = 1000


class MentionTask(Task):
    name = "mention"
    unit = "lines"
    headline = "accuracy"
    settings_type = MentionSettings
    data_fields: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(("train", "dev"), ("data",))
    embedded = Embedded(Path("/nowhere"), {})
    place = Place("MENTION_DIR", "write some lines")
    head_name = "mention head"
    head_variable = "cls/mention/weights"
    help: ClassVar[Mapping[str, str]] = {
        "predict": "Predict mentions.",
        "train": "Train mentions.",
        "benchmark": "Measure mentions.",
    }
    settings: MentionSettings

    @property
    def max_seq_length(self) -> int:
        return self.settings.max_seq_length

    def read(self, split: str) -> Dataset:
        (path,) = self.require_data(split)
        content = read_content(path)
        lines = content.text().splitlines()[: self.settings.limit]
        first, last, room = self.tokenizer.cls_id, self.tokenizer.sep_id, self.max_seq_length - 2
        rows = [np.array([first, *self.tokenizer.encode(line)[:room], last], np.int32) for line in lines]
        labels = {"mentions": np.array([self.settings.word in line.split() for line in lines], np.int32)}
        features = Features.from_rows(rows, [np.zeros(len(row), np.int32) for row in rows])
        features = dataclasses.replace(features, labels=labels)
        return Dataset(features, None, (content.file,), len(rows))

    @classmethod
    def settings_for(cls, data: Path, outputs: int) -> MentionSettings:
        return MentionSettings(data)

    def make_head(self, weights, config, encoder) -> "MentionHead":
        return MentionHead(weights, config)

    def head_products(self, config, *, examples: int, tokens: int, masked: int = 0) -> list[Product]:
        return [Product(examples, config.hidden_size, 2, 1, "logits")]

    def random_labels(self, config, lengths, random) -> dict[str, np.ndarray]:
        return {"mentions": random.integers(0, 2, len(lengths)).astype(np.int32)}

    def score(self, dataset: Dataset, outputs: Mapping[str, np.ndarray]) -> TaskResult:
        predicted = outputs["logits"].argmax(-1)
        hits = (predicted == dataset.features.labels["mentions"]).astype(float)
        return TaskResult({"accuracy": hits.mean()}, Items.numbered({"accuracy": hits}), predicted)

    def answers(self, outcome: TaskResult) -> dict[str, str | float]:
        return {str(row): float(label) for row, label in enumerate(outcome.predictions)}

    def write_scores(self, outcome: TaskResult, output_dir: Path, global_step: int) -> None:
        write_text(output_dir / "score.txt", f"{outcome.scores['accuracy']} at {global_step}\n")

    def write_predictions(self, outcome: TaskResult, output_dir: Path, split: str) -> None:
        write_text(output_dir / "mentions.txt", "".join(f"{label}\n" for label in outcome.predictions))


class MentionHead(tf.Module):
    per_token = False
    loss_names = ("loss",)

    def __init__(self, weights, config) -> None:
        super().__init__()
        self.weights = weights.island_matrix("cls/mention/weights", (2, config.hidden_size))

    def __call__(self, hidden, batch, seed=None) -> dict[str, Any]:
        first = tf.cast(tf.gather(hidden, batch["first_token"]), self.weights.dtype)
        return {"logits": tf.matmul(first, self.weights, transpose_b=True)}

    def predictions(self, outputs, batch):
        return outputs

    def losses(self, outputs, batch):
        return {"loss": tf.reduce_sum(kernels.cross_entropy(outputs["logits"], batch["mentions"]))}

    def loss_weights(self, batch):
        return {"loss": float(len(batch["lengths"]))}
