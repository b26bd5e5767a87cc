"""`bertbench evaluate`: score a predictions file as the official script does."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import click

from bertbench.commands.options import REFERENCES
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import notice, say
from bertbench.data.squad_references import read_references
from bertbench.evaluation.prediction_files import read_predictions, require_answers
from bertbench.evaluation.squad_metrics import score_squad
from bertbench.options import Option, Settings


@dataclass(frozen=True)
class EvaluateOptions(Settings):
    """The options of `bertbench evaluate squad`."""

    option_group: ClassVar[str] = "data"

    data: Annotated[Path, REFERENCES]
    predictions: Annotated[Path, Option("predictions.json or its folder.")]


def evaluate_squad(options: EvaluateOptions) -> None:
    """Print exact match and F1 in percent."""
    predictions = read_predictions(options.predictions)
    references = read_references(options.data, predictions)
    questions = {key: reference.qas_id for key, reference in references.items()}
    answers = require_answers(options.predictions, predictions, questions)
    foreign = len(predictions.keys() - set(questions.values()))
    if foreign:
        notice(
            f"{options.predictions}: predictions for questions that {options.data} does not contain: "
            f"{foreign}; ignored."
        )
    scores = score_squad({key: reference.answers for key, reference in references.items()}, answers)
    say(json.dumps({"exact_match": scores.exact_match, "f1": scores.f1}))


command = click.Group("evaluate", help="Score a predictions file as the official script does.")
command.add_command(
    TypedCommand(
        "squad",
        evaluate_squad,
        EvaluateOptions,
        help="Print exact match and F1 in percent, as evaluate-v1.1.py does.",
    )
)
