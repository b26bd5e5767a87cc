"""The GLUE tasks and XNLI: one or two texts, a class or a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from bertbench import embedded
from bertbench.checkpoint.names import PARTS
from bertbench.config import ModelConfig
from bertbench.data.features import MaxSeqLength
from bertbench.data.glue import find_file, make_features, read_examples
from bertbench.data.glue_tasks import MRPC, TASKS, GlueTask, glue_task
from bertbench.data.tokenization import Tokenizer
from bertbench.errors import InputError
from bertbench.evaluation.items import Items
from bertbench.evaluation.result_files import write_eval_results, write_submission, write_test_results
from bertbench.files import read_content
from bertbench.measure.flops import Product
from bertbench.options import Option
from bertbench.tasks.base import Task, TaskSettings
from bertbench.tasks.dataset import Dataset, TaskResult
from bertbench.tasks.label_order import OtherOutputsError, order_outputs
from bertbench.tasks.places import Embedded, Place

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource
    from bertbench.model.encoder import Encoder
    from bertbench.model.heads import ClassifierHead
    from bertbench.model.weights import Weights

OUTPUT_WEIGHTS, OUTPUT_BIAS = PARTS["classifier head"]


@dataclass(frozen=True)
class ClassifierSettings(TaskSettings):
    """Which GLUE task, and where its files are."""

    task_name: Annotated[
        str | None,
        Option("A GLUE task or XNLI, such as MRPC or sst-2.", default_help="in a benchmark: MRPC"),
    ] = None
    data: Annotated[
        Path | None, Option("The task's folder, or the GLUE root.", names=("--data", "--data-dir"))
    ] = None
    language: Annotated[str, Option("The language in XNLI.")] = "zh"
    max_seq_length: MaxSeqLength = 128
    split: Annotated[str, Option("The split to predict.", choices=("dev", "test"), only=("predict",))] = "dev"


class ClassifierTask(Task):
    """One GLUE task in its official layout."""

    name = "classifier"
    settings_type = ClassifierSettings
    data_fields: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(
        ("train", "dev", "test"), ("task_name", "data")
    )
    embedded = Embedded(embedded.MRPC, {"task_name": MRPC.name, "data": embedded.MRPC})
    benchmark_defaults: ClassVar[Mapping[str, Any]] = {"task_name": MRPC.name}
    place = Place("GLUE_DIR", "`bertbench fetch glue/MRPC` downloads a task")
    head_name = "classifier head"
    head_variable = OUTPUT_WEIGHTS
    help: ClassVar[Mapping[str, str]] = {
        "predict": """Classify a GLUE task's examples: test_results.tsv and results.json.

        With labels, eval_results.txt is written too; for a test split, the submission file for the GLUE site.

        \b
        Example:
          bertbench predict classifier --task-name MRPC --data glue \\
            --precision bf16 --model-dir M --output-dir out
        """,
        "train": """Train a GLUE task.

        \b
        Example:
          bertbench train classifier --task-name MRPC --data glue --do-eval \\
            --model-dir uncased_L-12_H-768_A-12 --output-dir out
        """,
        "benchmark": """Measure classification.

        \b
        Example:
          bertbench benchmark classifier --config bert-base --mode training --precision bf16
        """,
        "export": """Export a classifier: logits, one per label.

        \b
        Example:
          bertbench export classifier --task-name MRPC --model-dir M --format onnx --output-dir out
        """,
    }
    predict_split = "test"
    settings: ClassifierSettings

    def __init__(
        self, settings: ClassifierSettings | None = None, tokenizer: Tokenizer | None = None
    ) -> None:
        super().__init__(settings, tokenizer)
        self.glue_task = glue_task(self.settings.task_name or MRPC.name)
        self.headline = self.glue_task.metrics[0]
        self.split = self.settings.split

    @property
    def max_seq_length(self) -> int:
        return self.settings.max_seq_length

    def read(self, split: str) -> Dataset:
        _, data = self.require_data(split)
        language = self.settings.language
        content = read_content(find_file(self.glue_task, data, split, language=language))
        examples = read_examples(self.glue_task, content, split, language=language)
        features = make_features(self.glue_task, examples, self.tokenizer, self.max_seq_length)
        return Dataset(features, None, (content.file,), len(examples))

    @classmethod
    def settings_for(cls, data: Path, outputs: int) -> ClassifierSettings:
        """The task that the folder is named after, or the only one below it with this number of outputs."""
        fitting = [task for task in TASKS if task.num_outputs == outputs and _has_dev_file(task, data)]
        return ClassifierSettings(_choose(fitting, data, outputs).name, data)

    @classmethod
    def calibration_for(cls, file: Path, outputs: int) -> tuple[ClassifierSettings, str]:
        """A task's training file, in its folder."""
        named = [task for task in TASKS if task.num_outputs == outputs and task.train.file == file.name]
        if not named:
            raise InputError(
                f"{file}: is not the training file of a task with {outputs} outputs; give train.tsv"
            )
        return ClassifierSettings(_choose(named, file.parent, outputs).name, file.parent), "train"

    def make_head(self, weights: Weights, config: ModelConfig, encoder: Encoder) -> ClassifierHead:
        from bertbench.model.heads import ClassifierHead

        return ClassifierHead(weights, config, self.glue_task.num_outputs)

    def head_rows(self, source: ModelSource) -> dict[str, np.ndarray]:
        if source.labels is None or source.shape_of(OUTPUT_WEIGHTS) is None:
            return {}
        order = order_outputs(self.glue_task, source.labels)
        return {} if order is None else {OUTPUT_WEIGHTS: order, OUTPUT_BIAS: order}

    def other_head(self, source: ModelSource) -> str | None:
        outputs = (source.shape_of(OUTPUT_WEIGHTS) or (None,))[0]
        try:
            self.head_rows(source)
        except OtherOutputsError as error:
            return error.difference
        if outputs in (None, self.glue_task.num_outputs):
            return None
        return (
            f"{source.checkpoint}: the classifier head has {outputs} outputs; "
            f"{self.glue_task.name} has {self.glue_task.num_outputs}"
        )

    def head_products(
        self, config: ModelConfig, *, examples: int, tokens: int, masked: int = 0
    ) -> list[Product]:
        hidden = config.hidden_size
        return [
            Product(examples, hidden, hidden, 1, "linear"),
            Product(examples, hidden, self.glue_task.num_outputs, 1, "logits"),
        ]

    def random_labels(
        self, config: ModelConfig, lengths: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        outputs = self.glue_task.num_outputs
        labels = random.integers(0, max(outputs, 2), len(lengths))
        return {"label_ids": labels.astype(np.float32 if outputs == 1 else np.int32)}

    def score(self, dataset: Dataset, outputs: Mapping[str, np.ndarray]) -> TaskResult:
        # Not at the top: importing scipy.stats takes a second, which would delay --help.
        from bertbench.evaluation.glue_metrics import class_probabilities, glue_scores, mean_loss

        logits = outputs["logits"]
        if self.glue_task.kind == "regression":
            values = predictions = logits[:, 0]
        else:
            values, predictions = class_probabilities(logits), logits.argmax(-1)
        labels = dataset.features.labels.get("label_ids")
        if labels is None:
            return TaskResult({}, predictions=(values, predictions))
        scores = glue_scores(self.glue_task.metrics, predictions, labels)
        loss = mean_loss(logits, labels)
        items = Items.numbered({"predictions": predictions, "labels": labels})
        return TaskResult(scores, items, (values, predictions), loss)

    def answers(self, outcome: TaskResult) -> dict[str, str | float]:
        _, predictions = outcome.predictions
        labels = self.glue_task.labels
        return {str(row): labels[value] if labels else float(value) for row, value in enumerate(predictions)}

    def write_scores(self, outcome: TaskResult, output_dir: Path, global_step: int) -> None:
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

    def write_predictions(self, outcome: TaskResult, output_dir: Path, split: str) -> None:
        values, predictions = outcome.predictions
        write_test_results(output_dir / "test_results.tsv", values)
        if split == "test" and self.glue_task.submission_file:
            write_submission(
                output_dir / self.glue_task.submission_file,
                predictions,
                self.glue_task.labels,
                self.glue_task.score_range,
            )


def _choose(fitting: Sequence[GlueTask], data: Path, outputs: int) -> GlueTask:
    """The task that a folder is named after, or the only one."""
    named = [task for task in fitting if task.folder.lower() == data.absolute().name.lower()]
    if not named and len(fitting) != 1:
        names = ", ".join(task.name for task in fitting) or "none"
        raise InputError(
            f"{data}: of its tasks, {names} fit the checkpoint's {outputs} outputs; "
            "give the folder of the one that it was fine-tuned for"
        )
    return (named or fitting)[0]


def _has_dev_file(task: GlueTask, data: Path) -> bool:
    try:
        find_file(task, data, "dev")
    except InputError:
        return False
    return True
