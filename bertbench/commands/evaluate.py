"""`bertbench evaluate`: score a predictions file as the official script does."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import click

from bertbench.commands.options import REFERENCES
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import notice, print_json, say
from bertbench.data.squad_format import WITH_NEGATIVE, allows_no_answer
from bertbench.data.squad_references import read_references
from bertbench.errors import InputError
from bertbench.evaluation.prediction_files import (
    read_na_probs,
    read_predictions,
    require_answers,
    require_complete,
)
from bertbench.evaluation.squad_metrics import score_squad
from bertbench.evaluation.squad_v2_metrics import NA_PROB_THRESH, score_squad_v2
from bertbench.files import read_content
from bertbench.options import Option, Settings


@dataclass(frozen=True)
class EvaluateOptions(Settings):
    """The options of `bertbench evaluate squad`."""

    option_group: ClassVar[str] = "data"

    data: Annotated[Path, REFERENCES]
    predictions: Annotated[Path, Option("predictions.json or its folder.")]
    version_2_with_negative: Annotated[bool | None, WITH_NEGATIVE] = None
    na_prob_file: Annotated[
        Path | None,
        Option("SQuAD 2.0: the probability or odds that a question has no answer, such as null_odds.json."),
    ] = None
    na_prob_thresh: Annotated[float, Option("SQuAD 2.0: questions with higher odds count as unanswered.")] = (
        NA_PROB_THRESH
    )


def evaluate_squad(options: EvaluateOptions) -> None:
    """Print the official script's scores in percent."""
    predictions = read_predictions(options.predictions)
    content = read_content(options.data)
    with_negative = allows_no_answer(content, options.version_2_with_negative)
    if options.na_prob_file is not None and not with_negative:
        raise InputError(
            "--na-prob-file is only for SQuAD 2.0; add --version-2-with-negative, or leave it out."
        )
    references = read_references(content, predictions, with_negative=with_negative)
    questions = {key: reference.qas_id for key, reference in references.items()}
    answers = require_answers(options.predictions, predictions, questions)
    foreign = len(predictions.keys() - set(questions.values()))
    if foreign:
        notice(
            f"{options.predictions}: predictions for questions that {options.data} does not contain: "
            f"{foreign}; ignored."
        )
    texts = {key: reference.answers for key, reference in references.items()}
    totals = _score_v2(options, texts, answers) if with_negative else score_squad(texts, answers).totals
    say(json.dumps(totals))
    print_json(totals, indent=None)


def _score_v2(
    options: EvaluateOptions, texts: Mapping[str, Sequence[str]], answers: Mapping[str, str]
) -> Mapping[str, float]:
    require_complete(options.predictions, answers, texts)
    na_probs = None
    if options.na_prob_file is not None:
        na_probs = read_na_probs(options.na_prob_file)
        require_complete(options.na_prob_file, na_probs, texts)
    return score_squad_v2(texts, answers, na_probs, options.na_prob_thresh).totals


command = click.Group("evaluate", help="Score a predictions file as the official script does.")
command.add_command(
    TypedCommand(
        "squad",
        evaluate_squad,
        EvaluateOptions,
        help="""Print exact match and F1 in percent, as evaluate-v1.1.py does.

        Where questions may have no answer, the scores are those of evaluate-v2.0.py, in one line.

        \b
        Example:
          bertbench evaluate squad --data dev-v2.0.json --predictions out \\
            --na-prob-file out/null_odds.json
        """,
    )
)
