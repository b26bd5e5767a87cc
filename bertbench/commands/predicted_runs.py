"""Runs of `bertbench predict squad`, and the differences of their answers."""

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertbench.console import say
from bertbench.data.squad_format import allows_no_answer
from bertbench.data.squad_references import Reference, read_references
from bertbench.errors import CannotJudge, GateFailed, InputError
from bertbench.evaluation.prediction_files import (
    read_logits,
    read_margins,
    read_predictions,
    require_answers,
    require_complete,
)
from bertbench.evaluation.squad_metrics import SquadScores, score_squad
from bertbench.evaluation.squad_v2_metrics import SquadV2Scores, score_squad_v2
from bertbench.files import read_content, read_json
from bertbench.formatting import brief
from bertbench.results.provenance import RESULTS_FILE

if TYPE_CHECKING:
    from bertbench.results.accuracy import ScoreComparison


class PredictedRun:
    """A predictions file and its scores.

    Attributes:
      name: its name in messages.
      answers: by the keys of the questions, see `read_references`.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        predictions: Mapping[str, Any],
        dataset: Path,
        references: Mapping[str, Reference],
        with_negative: bool,
    ) -> None:
        """`predictions` are those of `path`; `with_negative`: see `read_references`.

        Raises:
          InputError: they are malformed, or for other questions.
        """
        self.name = name
        self._questions = {key: reference.qas_id for key, reference in references.items()}
        known = set(self._questions.values())
        foreign = [qas_id for qas_id in predictions if qas_id not in known]
        if foreign:
            raise InputError(
                f"{path}: {len(foreign)} ids, such as {foreign[0]!r}, are not in {dataset}; "
                "give the dataset that was predicted."
            )
        self._margins, self._logits = read_margins(path), read_logits(path)
        self.answers = require_answers(path, predictions, self._questions)
        texts = {key: reference.answers for key, reference in references.items()}
        self.scores: SquadScores | SquadV2Scores
        if with_negative:
            require_complete(path, self.answers, texts)
            self.scores = score_squad_v2(texts, self.answers)
        else:
            self.scores = score_squad(texts, self.answers)

    def facts(self, key: str) -> dict[str, Any]:
        """The answer, its scores in percent, and its margin; None for missing ones."""
        score = self.scores.questions[key]
        return {
            "answer": self.answers.get(key),
            "exact_match": 100 * score.exact_match,
            "f1": 100 * score.f1,
            "margin": self._margins.get(self._questions[key]),
        }

    def describe(self, key: str) -> str:
        """The values of `facts` in one line."""
        facts = self.facts(key)
        answer = "(no answer)" if facts["answer"] is None else facts["answer"]
        margin = "" if facts["margin"] is None else f", margin {facts['margin']:.4f}"
        return f"{brief(answer)}  [EM {facts['exact_match'] // 100}, F1 {facts['f1']:.2f}{margin}]"

    def logit_differences(self, other: "PredictedRun") -> Iterator[float]:
        """The largest difference of each question's logits, over the n-best answers of both runs."""
        for qas_id, answers in self._logits.items():
            others = {text: logits for text, *logits in other._logits.get(qas_id, [])}
            pairs = [(logits, others[text]) for text, *logits in answers if text in others]
            yield max((abs(x - y) for pair in pairs for x, y in zip(*pair, strict=True)), default=0.0)


@dataclass(frozen=True)
class Difference:
    """Both F1 scores in percent; their difference in points, with its 95 % interval."""

    a: float
    b: float
    difference: float
    interval: tuple[float, float]

    @classmethod
    def of(cls, first: PredictedRun, second: PredictedRun) -> "Difference":
        """The difference of two runs."""
        from bertbench.evaluation.resampling import difference_interval

        statistic, before = first.scores.items().statistic("f1")
        _, after = second.scores.items().statistic("f1")
        low, high = difference_interval(statistic, before, after)
        a, b = first.scores.f1, second.scores.f1
        return cls(a, b, b - a, (low, high))

    def describe(self, first: str, second: str) -> str:
        """The difference as text, with the names of the runs."""
        low, high = self.interval
        return (
            f"F1 {first} {self.a:.3f} %, {second} {self.b:.3f} %, {second} - {first} {self.difference:+.3f} "
            f"points (95 % interval {low:+.3f} to {high:+.3f})"
        )


def read_runs(
    folders: Mapping[str, Path], dataset: Path, stated: bool | None
) -> tuple[list[PredictedRun], dict[str, Reference]]:
    """The runs by name, and the questions that were predicted.

    Args:
      stated: the user's setting whether questions may have no answer; see `allows_no_answer`.

    Raises:
      InputError: a file is malformed, or a run is for other questions.
    """
    predictions = {name: read_predictions(path) for name, path in folders.items()}
    content = read_content(dataset)
    negative = allows_no_answer(content, stated)
    references = read_references(content, ChainMap(*predictions.values()), with_negative=negative)
    runs = [
        PredictedRun(name, path, predictions[name], dataset, references, negative)
        for name, path in folders.items()
    ]
    return runs, references


def list_changes(runs: Sequence[PredictedRun], references: Mapping[str, Reference]) -> list[dict[str, Any]]:
    """Print every question whose answers differ between runs; returns these questions with their answers."""
    changed = []
    for key, reference in references.items():
        if len({run.answers.get(key) for run in runs}) > 1:
            say(brief(f"{key}: {reference.question}"))
            for run in runs:
                say(f"  {run.name}: {run.describe(key)}")
            facts = {run.name.lower(): run.facts(key) for run in runs}
            changed.append({"id": key, "question": reference.question, **facts})
    return changed


def judge(first: PredictedRun, second: PredictedRun, max_drop: float) -> "ScoreComparison":
    """Compare the second run with the first by the rule of the gate."""
    from bertbench.gate.accuracy import compare_items

    items = first.scores.items(), second.scores.items()
    return compare_items("f1", *items, max_drop, against=first.name)


def conclude(made: "ScoreComparison") -> None:
    """Print the verdict.

    Raises:
      GateFailed: F1 has dropped by more than the tolerance.
      CannotJudge: there are too few questions to decide.
    """
    from bertbench.gate.score_text import explain
    from bertbench.results.accuracy import Ruling
    from bertbench.tasks.squad import SquadTask

    explanation = f"F1: {explain(made, SquadTask.unit)}"
    if made.verdict == Ruling.FAIL:
        raise GateFailed(f"{explanation}.")
    if made.verdict == Ruling.UNCLEAR:
        raise CannotJudge(f"{explanation}.")
    say(f"{made.verdict}: {explanation}")


def predicted_dataset(folder: Path) -> Path:
    """The data set that a run predicted.

    Raises:
      InputError: its results.json does not contain one that exists.
    """
    results = (folder if folder.is_dir() else folder.parent) / RESULTS_FILE
    if not results.exists():
        raise InputError(f"{results}: missing, so the dataset is unknown; give --data.")
    try:
        dataset = Path(read_json(results)["dataset"][0]).expanduser()
    except (TypeError, KeyError, IndexError, RuntimeError):  # RuntimeError: there is no home folder
        raise InputError(f"{results}: contains no dataset; give --data.") from None
    if not dataset.is_file():
        raise InputError(f"{results}: the dataset {dataset} does not exist; give --data.")
    return dataset
