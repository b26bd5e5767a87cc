"""SQuAD: questions answered by a span of their context, or, in version 2.0, by nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from bertbench import embedded
from bertbench.checkpoint.names import PARTS
from bertbench.config import ModelConfig
from bertbench.console import notice
from bertbench.data.squad import SquadExample, read_squad
from bertbench.data.squad_format import WITH_NEGATIVE, allows_no_answer
from bertbench.data.squad_windows import SquadWindows, WindowSettings, make_windows
from bertbench.errors import InputError
from bertbench.evaluation.decoded_answers import DecodedAnswers
from bertbench.evaluation.prediction_files import NULL_ODDS_FILE
from bertbench.evaluation.span_decoding import DecodingSettings, decode_spans
from bertbench.evaluation.squad_metrics import score_squad
from bertbench.evaluation.squad_v2_metrics import score_squad_v2
from bertbench.file_identity import DataFile
from bertbench.files import read_content, write_json
from bertbench.measure.flops import Product
from bertbench.options import Option
from bertbench.tasks.base import Task, TaskSettings
from bertbench.tasks.dataset import Dataset, TaskResult
from bertbench.tasks.places import Embedded, Place

if TYPE_CHECKING:
    from bertbench.model.encoder import Encoder
    from bertbench.model.heads import SpanHead
    from bertbench.model.weights import Weights

DEV_FILES = ("dev-v1.1.json", "dev-v2.0.json")


@dataclass(frozen=True)
class SquadSettings(TaskSettings):
    """The files of questions, and the settings of windows and answers."""

    data: Annotated[
        Path | None, Option("SQuAD file of the questions.", names=("--data", "--predict-file"))
    ] = None
    train_data: Annotated[
        Path | None,
        Option("SQuAD file to train on.", names=("--train-data", "--train-file"), only=("train",)),
    ] = None
    windows: WindowSettings = field(default_factory=WindowSettings)
    decoding: Annotated[DecodingSettings, Option(only=("predict", "train"))] = field(
        default_factory=DecodingSettings
    )
    version_2_with_negative: Annotated[bool | None, WITH_NEGATIVE] = None
    mpi_workers_sync_gradients: Annotated[
        bool,
        Option(
            "Average gradients; otherwise processes train independently and the best model is kept.",
            group="process",
            only=("train",),
        ),
    ] = False

    @property
    def averages_gradients(self) -> bool:
        return self.mpi_workers_sync_gradients


@dataclass(frozen=True)
class SquadItems:
    """The questions of a file and their windows; `with_negative` as in `read_squad`."""

    examples: list[SquadExample]
    windows: SquadWindows
    with_negative: bool

    def has_label(self, example: SquadExample) -> bool:
        """Whether a question can be scored: its answers are known, or it is known to have none."""
        return bool(example.answers) or (self.with_negative and example.answers is not None)


class SquadTask(Task):
    """Questions from a file in SQuAD format."""

    name = "squad"
    unit = "questions"
    headline = "f1"
    point = 1.0
    settings_type = SquadSettings
    data_fields: ClassVar[Mapping[str, tuple[str, ...]]] = {"train": ("train_data",), "dev": ("data",)}
    embedded = Embedded(embedded.SQUAD, {"data": embedded.SQUAD_DEV})
    place = Place("SQUAD_DIR", "`bertbench fetch squad` downloads the files")
    head_name = "span head"
    head_variable = PARTS["span head"][0]
    help: ClassVar[Mapping[str, str]] = {
        "predict": """Answer questions: predictions.json, nbest_predictions.json and results.json.

        The last line printed is the official script's: {"exact_match": ..., "f1": ...}. Where questions may
        have no answer (SQuAD 2.0) it is that of evaluate-v2.0.py, and null_odds.json is written, too.

        \b
        Examples:
          bertbench predict squad --precision bf16 --output-dir out
          bertbench predict squad --precision bf16 --model-dir M \\
            --data dev-v1.1.json --output-dir out
        """,
        "train": """Train span answers.

        \b
        Example:
          bertbench train squad --precision bf16 --model-dir uncased_L-12_H-768_A-12 \\
            --train-data train-v1.1.json --data dev-v1.1.json --do-eval --output-dir out
        """,
        "benchmark": """Measure span answers.

        \b
        Examples:
          bertbench benchmark squad --config bert-large --precision bf16 --batch-size 8
          bertbench benchmark squad --model-dir M --data dev-v1.1.json --output-dir out
        """,
        "export": """Export span answers: start_logits and end_logits of every token.

        \b
        Example:
          bertbench export squad --model-dir M --format saved-model --output-dir models/squad/1
        """,
    }
    settings: SquadSettings

    @property
    def max_seq_length(self) -> int:
        return self.settings.windows.max_seq_length

    def require_data(self, split: str) -> tuple[Any, ...]:
        self.settings.windows.require_room()
        return super().require_data(split)

    def read(self, split: str) -> Dataset:
        (path,) = self.require_data(split)
        training = split == "train"
        examples, with_negative, file = self._read_examples(path, training)
        windows = make_windows(examples, self.tokenizer, self.settings.windows, training=training)
        if not len(windows):
            raise InputError(f"{path}: no context contains a wordpiece; give contexts with text.")
        return Dataset(windows.features, SquadItems(examples, windows, with_negative), (file,), len(examples))

    def _read_examples(self, path: Path, training: bool) -> tuple[list[SquadExample], bool, DataFile]:
        """The examples, whether they may have no answer, and the file; its content is not kept."""
        content = read_content(path)
        with_negative = allows_no_answer(content, self.settings.version_2_with_negative)
        examples = read_squad(content, training=training, with_negative=with_negative)
        return examples, with_negative, content.file

    @classmethod
    def settings_for(cls, data: Path, outputs: int) -> SquadSettings:
        if not data.is_dir():
            return SquadSettings(data=data)
        there = [data / name for name in DEV_FILES if (data / name).exists()]
        return SquadSettings(data=(there or [data / DEV_FILES[0]])[0])

    def make_head(self, weights: Weights, config: ModelConfig, encoder: Encoder) -> SpanHead:
        from bertbench.model.heads import SpanHead

        return SpanHead(weights, config)

    def head_products(
        self, config: ModelConfig, *, examples: int, tokens: int, masked: int = 0
    ) -> list[Product]:
        return [Product(tokens, config.hidden_size, 2, 1, "logits")]

    def random_labels(
        self, config: ModelConfig, lengths: np.ndarray, random: np.random.Generator
    ) -> dict[str, np.ndarray]:
        names = ("start_positions", "end_positions")
        return {name: random.integers(0, lengths, len(lengths)).astype(np.int32) for name in names}

    def score(self, dataset: Dataset, outputs: Mapping[str, np.ndarray]) -> TaskResult:
        items: SquadItems = dataset.items
        answers = decode_spans(
            items.examples,
            items.windows,
            outputs["start_logits"],
            outputs["end_logits"],
            self.tokenizer,
            self.settings.decoding,
            with_negative=items.with_negative,
        )
        references = {example.qas_id: example.answers or () for example in items.examples}
        missing = sum(not items.has_label(example) for example in items.examples)
        if missing:
            counts = f"{missing} of {len(references)}"
            notice(
                f"{dataset.files[0].path}: questions without a reference answer: {counts}; nothing is scored."
            )
            return TaskResult({}, predictions=answers)
        scores = (
            score_squad_v2(references, answers.predictions, answers.null_odds, math.inf)
            if items.with_negative
            else score_squad(references, answers.predictions)
        )
        return TaskResult(scores.totals, scores.items(), answers)

    def answers(self, outcome: TaskResult) -> dict[str, str | float]:
        answers: DecodedAnswers = outcome.predictions
        return {**answers.predictions}

    def write_scores(self, outcome: TaskResult, output_dir: Path, global_step: int) -> None:
        """The official script computes them."""

    def write_predictions(self, outcome: TaskResult, output_dir: Path, split: str) -> None:
        answers: DecodedAnswers = outcome.predictions
        write_json(output_dir / "predictions.json", answers.predictions, indent=4)
        write_json(output_dir / "nbest_predictions.json", answers.nbest, indent=4)
        if answers.null_odds is not None:
            write_json(output_dir / NULL_ODDS_FILE, answers.null_odds, indent=4)
