"""`bertbench compare`: the answers that differ between two predictions files."""

import dataclasses
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from bertbench.commands.options import REFERENCES
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import say
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
    say(f"changed answers: {len(changed)} of {len(references)}; {_summarise(first, second)}")
    if options.max_drop is not None:
        _judge(first, second, options.max_drop)


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

    def describe(self, key: str) -> str:
        """One line: the answer, its scores and its margin."""
        score = self.scores.questions[key]
        answer = self.answers.get(key, "(no answer)")
        margin = self._margins.get(self._questions[key])
        figures = f"EM {score.exact_match}, F1 {100 * score.f1:.2f}"
        return f"{shorten(answer)}  [{figures}{f', margin {margin:.4f}' if margin is not None else ''}]"


def _summarise(first: _Run, second: _Run) -> str:
    """Both F1 scores and their difference, in points."""
    from bertbench.evaluation.resampling import difference_interval

    statistic, before = first.scores.items().statistic("f1")
    _, after = second.scores.items().statistic("f1")
    low, high = difference_interval(statistic, before, after)
    difference = second.scores.f1 - first.scores.f1
    return (
        f"F1 A {first.scores.f1:.3f}, B {second.scores.f1:.3f}, B - A {difference:+.3f} "
        f"(95 % interval {low:+.3f} to {high:+.3f})"
    )


def _judge(first: _Run, second: _Run, max_drop: float) -> None:
    """Compare B with A by the rule of the gate.

    Raises:
      GateFailed: its F1 has dropped by more than `max_drop`.
      CannotJudge: there are too few questions to decide.
    """
    from bertbench.gate.accuracy import compare_items, explain
    from bertbench.results.accuracy import Ruling
    from bertbench.tasks.squad import SquadTask

    made = compare_items("f1", first.scores.items(), second.scores.items(), max_drop, against="A")
    explanation = f"F1: {explain(made, SquadTask.unit)}"
    if made.verdict == Ruling.FAIL:
        raise GateFailed(f"{explanation}.")
    if made.verdict == Ruling.UNCLEAR:
        raise CannotJudge(f"{explanation}.")
    say(f"{made.verdict}: {explanation}")
