"""SQuAD v1.1: questions answered by a span of their context."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bertbench.config import ModelConfig
from bertbench.console import notice
from bertbench.data.squad import SquadExample, read_squad
from bertbench.data.squad_windows import SquadWindows, WindowSettings, make_windows
from bertbench.data.tokenization import Tokenizer
from bertbench.errors import InputError
from bertbench.evaluation.span_decoding import DecodedAnswers, DecodingSettings, decode_spans
from bertbench.evaluation.squad_metrics import score_squad
from bertbench.files import read_content, write_json
from bertbench.model.encoder import Encoder
from bertbench.model.heads import SpanHead
from bertbench.model.weights import Weights
from bertbench.tasks.base import Dataset, Outcome, Task


class SquadTask(Task):
    """Questions on a file in SQuAD's form."""

    name = "squad"
    unit = "questions"
    headline = "f1"

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        train_file: Path | str | None = None,
        predict_file: Path | str | None = None,
        windows: WindowSettings | None = None,
        decoding: DecodingSettings | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.windows = windows or WindowSettings()
        self.decoding = decoding or DecodingSettings()
        self.max_seq_length = self.windows.max_seq_length
        self._files = {"train": train_file, "dev": predict_file}

    def has_split(self, split: str) -> bool:
        return self._files.get(split) is not None

    def read(self, split: str) -> Dataset:
        path = self._files.get(split)
        if path is None:
            option = {"train": "--train-file", "dev": "--predict-file"}.get(split)
            raise InputError(f"no {split} file; give {option}." if option else "SQuAD has no test split.")
        training = split == "train"
        content = read_content(path)
        examples = read_squad(content, training=training)
        windows = make_windows(examples, self.tokenizer, self.windows, training=training)
        if not len(windows):
            raise InputError(f"{path}: no context holds a wordpiece; give contexts with text in them.")
        return Dataset(windows.features, (examples, windows), (content.file,), len(examples))

    def make_head(self, weights: Weights, config: ModelConfig, encoder: Encoder) -> SpanHead:
        return SpanHead(weights, config)

    def judge(self, dataset: Dataset, outputs: Mapping[str, np.ndarray]) -> Outcome:
        examples: list[SquadExample]
        windows: SquadWindows
        examples, windows = dataset.items
        answers = decode_spans(
            examples,
            windows,
            outputs["start_logits"],
            outputs["end_logits"],
            self.tokenizer,
            self.decoding,
        )
        references = {example.qas_id: example.answers for example in examples}
        missing = sum(not texts for texts in references.values())
        if missing:
            counts = f"{missing} of {len(references)}"
            notice(
                f"{dataset.files[0].path}: questions without a reference answer: {counts}; nothing is scored."
            )
            return Outcome({}, predictions=answers)
        scores = score_squad(references, answers.predictions)
        questions = scores.questions.values()
        return Outcome(
            {"exact_match": scores.exact_match, "f1": scores.f1},
            {
                "exact_match": np.array([100.0 * question.exact_match for question in questions]),
                "f1": np.array([100.0 * question.f1 for question in questions]),
            },
            answers,
        )

    def write_scores(self, outcome: Outcome, output_dir: Path, global_step: int) -> None:
        """The original leaves them to the official script."""

    def write_predictions(self, outcome: Outcome, output_dir: Path, split: str) -> None:
        answers: DecodedAnswers = outcome.predictions
        write_json(output_dir / "predictions.json", answers.predictions, indent=4)
        write_json(output_dir / "nbest_predictions.json", answers.nbest, indent=4)
