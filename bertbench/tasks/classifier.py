"""The GLUE tasks and XNLI: one or two texts, a class or a score."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bertbench.checkpoint.names import PARTS
from bertbench.checkpoint.source import ModelSource
from bertbench.config import ModelConfig
from bertbench.data.glue import find_file, make_features, read_examples
from bertbench.data.glue_tasks import GlueTask
from bertbench.data.tokenization import Tokenizer
from bertbench.evaluation.glue_metrics import class_probabilities, glue_scores, mean_loss
from bertbench.evaluation.result_files import write_eval_results, write_submission, write_test_results
from bertbench.files import read_content
from bertbench.model.encoder import Encoder
from bertbench.model.heads import ClassifierHead
from bertbench.model.weights import Weights
from bertbench.tasks.base import Dataset, Outcome, Task
from bertbench.tasks.label_order import order_outputs

OUTPUT_WEIGHTS, OUTPUT_BIAS = PARTS["classifier head"]


class ClassifierTask(Task):
    """One GLUE task in its official layout."""

    name = "classifier"
    unit = "examples"
    predict_split = "test"

    def __init__(
        self,
        tokenizer: Tokenizer,
        glue_task: GlueTask,
        data_dir: Path | str,
        *,
        max_seq_length: int = 128,
        language: str = "zh",
    ) -> None:
        self.tokenizer = tokenizer
        self.glue_task = glue_task
        self.headline = glue_task.metrics[0]
        self.max_seq_length = max_seq_length
        self._data_dir = data_dir
        self._language = language

    def read(self, split: str) -> Dataset:
        path = find_file(self.glue_task, self._data_dir, split, language=self._language)
        content = read_content(path)
        examples = read_examples(self.glue_task, content, split, language=self._language)
        features = make_features(self.glue_task, examples, self.tokenizer, self.max_seq_length)
        return Dataset(features, None, (content.file,), len(examples))

    def make_head(self, weights: Weights, config: ModelConfig, encoder: Encoder) -> ClassifierHead:
        return ClassifierHead(weights, config, self.glue_task.num_outputs)

    def head_rows(self, source: ModelSource) -> dict[str, np.ndarray]:
        if source.labels is None or not source.holds(OUTPUT_WEIGHTS):
            return {}
        order = order_outputs(self.glue_task, source.labels)
        return {} if order is None else {OUTPUT_WEIGHTS: order, OUTPUT_BIAS: order}

    def judge(self, dataset: Dataset, outputs: Mapping[str, np.ndarray]) -> Outcome:
        logits = outputs["logits"]
        if self.glue_task.kind == "regression":
            values = predictions = logits[:, 0]
        else:
            values, predictions = class_probabilities(logits), logits.argmax(-1)
        labels = dataset.features.labels.get("label_ids")
        if labels is None:
            return Outcome({}, predictions=(values, predictions))
        scores = glue_scores(self.glue_task.metrics, predictions, labels)
        loss = mean_loss(logits, labels)
        return Outcome(scores, self._per_item(predictions, labels), (values, predictions), loss)

    def _per_item(self, predictions: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        if self.glue_task.kind == "regression":
            return {"negative_squared_error": -np.square(predictions - labels)}
        return {"accuracy": (predictions == labels).astype(np.float64)}

    def write_scores(self, outcome: Outcome, output_dir: Path, global_step: int) -> None:
        if outcome.scores:
            results: dict[str, float | None] = {
                f"eval_{name}": score for name, score in outcome.scores.items()
            }
            losses: dict[str, float | None] = {
                "eval_loss": outcome.loss,
                "loss": outcome.loss,
                "global_step": global_step,
            }
            write_eval_results(output_dir / "eval_results.txt", results | losses)

    def write_predictions(self, outcome: Outcome, output_dir: Path, split: str) -> None:
        values, predictions = outcome.predictions
        write_test_results(output_dir / "test_results.tsv", values)
        if split == "test" and self.glue_task.submission_file:
            write_submission(
                output_dir / self.glue_task.submission_file,
                predictions,
                self.glue_task.labels,
                self.glue_task.score_range,
            )
