"""Pretraining: masked language model and next-sentence prediction on TFRecords."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from bertbench import embedded
from bertbench.checkpoint.names import PARTS
from bertbench.config import ModelConfig
from bertbench.data.features import MAX_SEQ_LENGTH
from bertbench.data.pretraining import MaskingOptions
from bertbench.data.tfrecords import read_features, record_shape
from bertbench.data.tokenization import Tokenizer
from bertbench.errors import InputError
from bertbench.evaluation.items import Items
from bertbench.evaluation.result_files import write_eval_results
from bertbench.file_identity import DataFile, sha256_of_file, unchanged
from bertbench.measure.flops import Product
from bertbench.options import Option, Pattern
from bertbench.patterns import match_files
from bertbench.tasks.base import Task, TaskSettings
from bertbench.tasks.dataset import Dataset, TaskResult
from bertbench.tasks.places import Embedded, Place

if TYPE_CHECKING:
    from bertbench.model.encoder import Encoder
    from bertbench.model.heads import PretrainingHead
    from bertbench.model.weights import Weights


@dataclass(frozen=True)
class PretrainingSettings(TaskSettings):
    """The record files and their lengths; a length that is None is read from the files."""

    data: Annotated[
        Pattern | None,
        Option("TFRecords: comma-separated paths or glob patterns.", names=("--data", "--input-file")),
    ] = None
    max_seq_length: Annotated[
        int | None, dataclasses.replace(MAX_SEQ_LENGTH, default_help="from the files, else 128")
    ] = None
    max_predictions_per_seq: Annotated[
        int | None, Option("Masked tokens per example.", minimum=1, default_help="from the files, else 20")
    ] = None
    max_eval_steps: Annotated[int, Option("Batches to score after training.", minimum=1, only=("train",))] = (
        100
    )


class PretrainingTask(Task):
    """Masked examples in TFRecords as the original script writes them; all splits are the same files."""

    name = "pretraining"
    scored_unit = "masked words"
    headline = "masked_lm_accuracy"
    settings_type = PretrainingSettings
    data_fields: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(("train", "dev", "test"), ("data",))
    embedded = Embedded(embedded.PRETRAINING, {"data": Pattern(str(embedded.PRETRAINING_RECORDS))})
    place = Place(
        "PRETRAINING_DATA_DIR", "`bertbench prepare pretraining --help` shows how to write the files"
    )
    head_name = "masked-LM head"
    head_variable = PARTS["masked-LM head"][0]
    reads_text = False
    labels_in_inference = True
    help: ClassVar[Mapping[str, str]] = {
        "predict": """Score masked words and next sentences: eval_results.txt and results.json.

        \b
        Example:
          bertbench predict pretraining --data 'records/*.tfrecord' \\
            --precision bf16 --model-dir M --output-dir out
        """,
        "train": """Train the masked language model and next-sentence prediction.

        Without a checkpoint the weights start at random. The second phase (512 tokens) starts from the
        first's output folder as --model-dir.

        \b
        Example:
          bertbench train pretraining --data 'records/*.tfrecord' --config-file bert_config.json \\
            --num-train-steps 10000 --learning-rate 1e-4 --output-dir out
        """,
        "benchmark": """Measure masked words and next sentences.

        \b
        Example:
          bertbench benchmark pretraining --config bert-large --mode training --max-seq-length 512
        """,
        "export": """Export both heads: masked_lm_logits and next_sentence_logits.

        \b
        Example:
          bertbench export pretraining --model-dir M --format saved-model --output-dir out
        """,
    }
    settings: PretrainingSettings

    def __init__(
        self, settings: PretrainingSettings | None = None, tokenizer: Tokenizer | None = None
    ) -> None:
        super().__init__(settings, tokenizer)
        self.max_eval_steps = self.settings.max_eval_steps
        self._masked = self.settings.max_predictions_per_seq or MaskingOptions.max_predictions_per_seq
        self._paths = match_files(self.settings.data) if self.settings.data is not None else []
        if not self._paths and self._masked >= self.max_seq_length:
            raise InputError(
                f"{self._masked} masked tokens do not fit into max_seq_length {self.max_seq_length}; "
                "give fewer with --max-predictions-per-seq."
            )

    @functools.cached_property
    def max_seq_length(self) -> int:
        if self.settings.max_seq_length is not None:
            return self.settings.max_seq_length
        return record_shape(self._paths).max_seq_length if self._paths else MaskingOptions.max_seq_length

    def read(self, split: str) -> Dataset:
        self.require_data(split)
        return self._dataset

    @functools.cached_property
    def _dataset(self) -> Dataset:
        with unchanged(self._paths):
            files = tuple(DataFile(path, sha256_of_file(path)) for path in self._paths)
            features = read_features(
                self._paths,
                max_seq_length=self.max_seq_length,
                max_predictions_per_seq=self.settings.max_predictions_per_seq,
            )
        return Dataset(features, None, files, len(features))

    @classmethod
    def settings_for(cls, data: Path, outputs: int) -> PretrainingSettings:
        return PretrainingSettings(Pattern(str(data if data.is_file() else data / "*.tfrecord*")))

    def make_head(self, weights: Weights, config: ModelConfig, encoder: Encoder) -> PretrainingHead:
        from bertbench.model.heads import PretrainingHead

        return PretrainingHead(weights, config, encoder.embeddings)

    def head_products(
        self, config: ModelConfig, *, examples: int, tokens: int, masked: int = 0
    ) -> list[Product]:
        hidden = config.hidden_size
        return [
            Product(examples, hidden, hidden, 1, "linear"),
            Product(examples, hidden, 2, 1, "logits"),
            Product(masked, hidden, hidden, 1, "linear"),
            Product(masked, hidden, config.vocab_size, 1, "linear"),
        ]

    def random_labels(
        self, config: ModelConfig, lengths: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        shape = (len(lengths), self._masked)
        return {
            "masked_lm_positions": np.sort(random.integers(0, lengths[:, None], shape)).astype(np.int32),
            "masked_lm_ids": random.integers(0, config.vocab_size, shape).astype(np.int32),
            "masked_lm_weights": np.ones(shape, np.float32),
            "next_sentence_labels": random.integers(0, 2, len(lengths)).astype(np.int32),
        }

    def score(self, dataset: Dataset, outputs: Mapping[str, np.ndarray]) -> TaskResult:
        sums = {name: float(values.sum(dtype=np.float64)) for name, values in outputs.items()}
        masked, examples = max(sums["masked_lm_count"], 1e-5), max(dataset.num_items, 1)
        scores = {
            "masked_lm_accuracy": sums["masked_lm_hits"] / masked,
            "masked_lm_loss": sums["masked_lm_loss"] / masked,
            "next_sentence_accuracy": sums["next_sentence_hits"] / examples,
            "next_sentence_loss": sums["next_sentence_loss"] / examples,
        }
        items = Items.numbered(
            {
                "masked_lm_hits": outputs["masked_lm_hits"],
                "masked_lm_loss_sum": outputs["masked_lm_loss"],
                "masked_lm_count": outputs["masked_lm_count"],
                "next_sentence_accuracy": outputs["next_sentence_hits"],
                "next_sentence_loss": outputs["next_sentence_loss"],
            }
        )
        return TaskResult(scores, items, loss=scores["masked_lm_loss"] + scores["next_sentence_loss"])

    def answers(self, outcome: TaskResult) -> dict[str, str | float]:
        """Masked words are scored, but not stored."""
        return {}

    def write_scores(self, outcome: TaskResult, output_dir: Path, global_step: int) -> None:
        results = {**outcome.scores, "loss": outcome.loss, "global_step": global_step}
        write_eval_results(output_dir / "eval_results.txt", results)

    def write_predictions(self, outcome: TaskResult, output_dir: Path, split: str) -> None:
        """The original script writes none."""
