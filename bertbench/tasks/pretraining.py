"""Pretraining: masked language model and next-sentence prediction on TFRecords."""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bertbench.config import ModelConfig
from bertbench.data.text_corpus import match_files
from bertbench.data.tfrecords import read_features, record_shape
from bertbench.evaluation.result_files import write_eval_results
from bertbench.files import DataFile, sha256_of_file, unchanged
from bertbench.model.encoder import Encoder
from bertbench.model.heads import PretrainingHead
from bertbench.model.weights import Weights
from bertbench.tasks.base import Dataset, Outcome, Task


class PretrainingTask(Task):
    """Masked examples in the original's TFRecord form; every split is the same files."""

    name = "pretraining"
    unit = "examples"
    headline = "masked_lm_accuracy"

    def __init__(
        self,
        input_file: str,
        *,
        max_seq_length: int | None = None,
        max_predictions_per_seq: int | None = None,
    ) -> None:
        """`input_file` is a glob, or several between commas; lengths that are None are the files' own."""
        self._paths = match_files(input_file)
        shape = record_shape(self._paths)
        self.max_seq_length = shape.max_seq_length if max_seq_length is None else max_seq_length
        self._max_predictions = max_predictions_per_seq

    def read(self, split: str) -> Dataset:
        return self._dataset

    @functools.cached_property
    def _dataset(self) -> Dataset:
        with unchanged(self._paths):
            files = tuple(DataFile(path, sha256_of_file(path)) for path in self._paths)
            features = read_features(
                self._paths,
                max_seq_length=self.max_seq_length,
                max_predictions_per_seq=self._max_predictions,
            )
        return Dataset(features, None, files, len(features))

    def make_head(self, weights: Weights, config: ModelConfig, encoder: Encoder) -> PretrainingHead:
        return PretrainingHead(weights, config, encoder.embeddings)

    def judge(self, dataset: Dataset, outputs: Mapping[str, np.ndarray]) -> Outcome:
        sums = {name: float(values.sum(dtype=np.float64)) for name, values in outputs.items()}
        masked, examples = max(sums["masked_lm_count"], 1e-5), max(dataset.num_items, 1)
        scores = {
            "masked_lm_accuracy": sums["masked_lm_hits"] / masked,
            "masked_lm_loss": sums["masked_lm_loss"] / masked,
            "next_sentence_accuracy": sums["next_sentence_hits"] / examples,
            "next_sentence_loss": sums["next_sentence_loss"] / examples,
        }
        mean_count = masked / examples
        per_item = {
            "masked_lm_accuracy": outputs["masked_lm_hits"] / mean_count,
            "masked_lm_loss": outputs["masked_lm_loss"] / mean_count,
            "next_sentence_accuracy": outputs["next_sentence_hits"],
            "next_sentence_loss": outputs["next_sentence_loss"],
        }
        return Outcome(scores, per_item, loss=scores["masked_lm_loss"] + scores["next_sentence_loss"])

    def write_scores(self, outcome: Outcome, output_dir: Path, global_step: int) -> None:
        results = {**outcome.scores, "loss": outcome.loss, "global_step": global_step}
        write_eval_results(output_dir / "eval_results.txt", results)

    def write_predictions(self, outcome: Outcome, output_dir: Path, split: str) -> None:
        """The original writes none."""
