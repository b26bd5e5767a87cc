"""SQuAD v1.1: questions answered by a span of their context."""

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
from bertbench.data.squad_windows import SquadWindows, WindowSettings, make_windows
from bertbench.errors import InputError
from bertbench.evaluation.span_decoding import DecodedAnswers, DecodingSettings, decode_spans
from bertbench.evaluation.squad_metrics import score_squad
from bertbench.files import read_content, write_json
from bertbench.measure.flops import Product
from bertbench.options import Option
from bertbench.tasks.base import Embedded, Place, Task, TaskSettings
from bertbench.tasks.dataset import Dataset, TaskResult

if TYPE_CHECKING:
    from bertbench.model.encoder import Encoder
    from bertbench.model.heads import SpanHead
    from bertbench.model.weights import Weights

DEV_FILE = "dev-v1.1.json"


@dataclass(frozen=True)
class SquadSettings(TaskSettings):
    """The files of questions, and the settings of windows and answers."""

    data: Annotated[
        Path | None, Option("SQuAD v1.1 file of the questions.", names=("--data", "--predict-file"))
    ] = None
    train_data: Annotated[
        Path | None,
        Option("SQuAD v1.1 file to train on.", names=("--train-data", "--train-file"), only=("train",)),
    ] = None
    windows: WindowSettings = field(default_factory=WindowSettings)
    decoding: Annotated[DecodingSettings, Option(only=("predict", "train"))] = field(
        default_factory=DecodingSettings
    )
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

        The last line printed is the official script's: {"exact_match": ..., "f1": ...}.

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
        content = read_content(path)
        examples = read_squad(content, training=training)
        windows = make_windows(examples, self.tokenizer, self.settings.windows, training=training)
        if not len(windows):
            raise InputError(f"{path}: no context contains a wordpiece; give contexts with text.")
        return Dataset(windows.features, (examples, windows), (content.file,), len(examples))

    @classmethod
    def settings_for(cls, data: Path, outputs: int) -> SquadSettings:
        return SquadSettings(data=data / DEV_FILE if data.is_dir() else data)

    def make_head(self, weights: "Weights", config: ModelConfig, encoder: "Encoder") -> "SpanHead":
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
        examples: list[SquadExample]
        windows: SquadWindows
        examples, windows = dataset.items
        answers = decode_spans(
            examples,
            windows,
            outputs["start_logits"],
            outputs["end_logits"],
            self.tokenizer,
            self.settings.decoding,
        )
        references = {example.qas_id: example.answers for example in examples}
        missing = sum(not texts for texts in references.values())
        if missing:
            counts = f"{missing} of {len(references)}"
            notice(
                f"{dataset.files[0].path}: questions without a reference answer: {counts}; nothing is scored."
            )
            return TaskResult({}, predictions=answers)
        scores = score_squad(references, answers.predictions)
        totals = {"exact_match": scores.exact_match, "f1": scores.f1}
        return TaskResult(totals, scores.items(), answers)

    def answers(self, outcome: TaskResult) -> dict[str, str | float]:
        answers: DecodedAnswers = outcome.predictions
        return {**answers.predictions}

    def write_scores(self, outcome: TaskResult, output_dir: Path, global_step: int) -> None:
        """The official script computes them."""

    def write_predictions(self, outcome: TaskResult, output_dir: Path, split: str) -> None:
        answers: DecodedAnswers = outcome.predictions
        write_json(output_dir / "predictions.json", answers.predictions, indent=4)
        write_json(output_dir / "nbest_predictions.json", answers.nbest, indent=4)
