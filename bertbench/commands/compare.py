"""`bertbench compare`: the answers that differ between two predictions files."""

import dataclasses
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from bertbench.commands.options import REFERENCES
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import print_json, say
from bertbench.data.squad_format import WITH_NEGATIVE, allows_no_answer
from bertbench.data.squad_references import Reference, read_references
from bertbench.errors import CannotJudge, GateFailed, InputError
from bertbench.evaluation.prediction_files import (
    read_margins,
    read_predictions,
    require_answers,
    require_complete,
)
from bertbench.evaluation.squad_metrics import SquadScores, score_squad
from bertbench.evaluation.squad_v2_metrics import SquadV2Scores, score_squad_v2
from bertbench.files import read_content, read_json
from bertbench.formatting import shorten
from bertbench.options import Option, Settings
from bertbench.results.provenance import RESULTS_FILE

if TYPE_CHECKING:
    from bertbench.results.accuracy import ScoreComparison


@dataclass(frozen=True)
class CompareOptions(Settings):
    """The options of `bertbench compare`."""

    pred_a: Annotated[Path, Option(positional=True, metavar="PRED_A")]
    pred_b: Annotated[Path, Option(positional=True, metavar="PRED_B")]
    data: Annotated[
        Path | None,
        dataclasses.replace(REFERENCES, default_help="from results.json in the folder of PRED_A"),
    ] = None
    version_2_with_negative: Annotated[bool | None, WITH_NEGATIVE] = None
    max_drop: Annotated[
        float | None,
        Option(
            "Judge whether the F1 of B is lower by more points. Exit status 0: no, 1: yes, 3: unclear.",
            minimum=0.0,
            metavar="POINTS",
        ),
    ] = None


def compare_predictions(options: CompareOptions) -> None:
    """List the questions whose answers differ."""
    pred_a, pred_b = options.pred_a, options.pred_b
    dataset = options.data or _predicted_dataset(pred_a)
    predictions = {"A": read_predictions(pred_a), "B": read_predictions(pred_b)}
    content = read_content(dataset)
    with_negative = allows_no_answer(content, options.version_2_with_negative)
    references = read_references(content, ChainMap(*predictions.values()), with_negative=with_negative)
    first = _Run(pred_a, predictions["A"], dataset, references, with_negative)
    second = _Run(pred_b, predictions["B"], dataset, references, with_negative)
    changed = [key for key in references if first.answers.get(key) != second.answers.get(key)]
    for key in changed:
        say(shorten(f"{key}: {references[key].question}"))
        for name, run in (("A", first), ("B", second)):
            say(f"  {name}: {run.describe(key)}")
    difference = _Difference.of(first, second)
    say(f"changed answers: {len(changed)} of {len(references)}; {difference}")
    made = None if options.max_drop is None else _judge(first, second, options.max_drop)
    print_json(
        {
            "questions": len(references),
            "changed": [
                {
                    "id": key,
                    "question": references[key].question,
                    "a": first.facts(key),
                    "b": second.facts(key),
                }
                for key in changed
            ],
            "f1": dataclasses.asdict(difference),
            "verdict": None if made is None else str(made.verdict),
        }
    )
    if made is not None:
        _conclude(made)


command = TypedCommand(
    "compare",
    compare_predictions,
    CompareOptions,
    help="""List the questions whose answer differs between PRED_A and PRED_B.

    Each is a predictions.json or the folder that contains one. An answer's margin is the best start plus end
    logit minus the second best, from nbest_predictions.json in the same folder. The last line gives both F1
    scores, and their difference with its 95 % interval from a paired bootstrap over questions.
    """,
)


def _predicted_dataset(folder: Path) -> Path:
    results = (folder if folder.is_dir() else folder.parent) / RESULTS_FILE
    if not results.exists():
        raise InputError(f"{results}: missing, so the dataset is unknown; give --data.")
    try:
        dataset = Path(read_json(results)["dataset"][0]).expanduser()
    except (TypeError, KeyError, IndexError, RuntimeError):  # the last: no such home
        raise InputError(f"{results}: contains no dataset; give --data.") from None
    if not dataset.is_file():
        raise InputError(f"{results}: the dataset {dataset} does not exist; give --data.")
    return dataset


class _Run:
    """A predictions file and its scores."""

    def __init__(
        self,
        path: Path,
        predictions: Mapping[str, Any],
        dataset: Path,
        references: Mapping[str, Reference],
        with_negative: bool,
    ) -> None:
        self._questions = {key: reference.qas_id for key, reference in references.items()}
        known = set(self._questions.values())
        foreign = [qas_id for qas_id in predictions if qas_id not in known]
        if foreign:
            raise InputError(
                f"{path}: {len(foreign)} ids, such as {foreign[0]!r}, are not in {dataset}; "
                "give the dataset that was predicted."
            )
        self._margins = read_margins(path)
        self.answers = require_answers(path, predictions, self._questions)
        texts = {key: reference.answers for key, reference in references.items()}
        self.scores: SquadScores | SquadV2Scores
        if with_negative:
            require_complete(path, self.answers, texts)
            self.scores = score_squad_v2(texts, self.answers)
        else:
            self.scores = score_squad(texts, self.answers)

    def facts(self, key: str) -> dict[str, Any]:
        """The answer, its scores in percent, and its margin; None for what there is not."""
        score = self.scores.questions[key]
        return {
            "answer": self.answers.get(key),
            "exact_match": 100 * score.exact_match,
            "f1": 100 * score.f1,
            "margin": self._margins.get(self._questions[key]),
        }

    def describe(self, key: str) -> str:
        """One line of `facts`."""
        facts = self.facts(key)
        answer = "(no answer)" if facts["answer"] is None else facts["answer"]
        margin = "" if facts["margin"] is None else f", margin {facts['margin']:.4f}"
        return f"{shorten(answer)}  [EM {facts['exact_match'] // 100}, F1 {facts['f1']:.2f}{margin}]"


@dataclass(frozen=True)
class _Difference:
    """Both F1 scores in percent; their difference in points, with its 95 % interval."""

    a: float
    b: float
    difference: float
    interval: tuple[float, float]

    @classmethod
    def of(cls, first: _Run, second: _Run) -> "_Difference":
        from bertbench.evaluation.resampling import difference_interval

        statistic, before = first.scores.items().statistic("f1")
        _, after = second.scores.items().statistic("f1")
        low, high = difference_interval(statistic, before, after)
        a, b = first.scores.f1, second.scores.f1
        return cls(a, b, b - a, (low, high))

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"F1 A {self.a:.3f} %, B {self.b:.3f} %, B - A {self.difference:+.3f} points "
            f"(95 % interval {low:+.3f} to {high:+.3f})"
        )


def _judge(first: _Run, second: _Run, max_drop: float) -> "ScoreComparison":
    """Compare B with A by the rule of the gate."""
    from bertbench.gate.accuracy import compare_items

    return compare_items("f1", first.scores.items(), second.scores.items(), max_drop, against="A")


def _conclude(made: "ScoreComparison") -> None:
    """Print the verdict.

    Raises:
      GateFailed: F1 has dropped by more than the tolerance.
      CannotJudge: there are too few questions to decide.
    """
    from bertbench.gate.accuracy import explain
    from bertbench.results.accuracy import Ruling
    from bertbench.tasks.squad import SquadTask

    explanation = f"F1: {explain(made, SquadTask.unit)}"
    if made.verdict == Ruling.FAIL:
        raise GateFailed(f"{explanation}.")
    if made.verdict == Ruling.UNCLEAR:
        raise CannotJudge(f"{explanation}.")
    say(f"{made.verdict}: {explanation}")
