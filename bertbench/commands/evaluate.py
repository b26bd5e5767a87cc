"""`bertbench evaluate`: score a predictions file as the official script does."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import click

from bertbench.commands.options import REFERENCES
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import notice, say
from bertbench.data.squad import read_references
from bertbench.evaluation.prediction_files import read_predictions
from bertbench.evaluation.squad_metrics import score_squad
from bertbench.options import Option, Settings


@dataclass(frozen=True)
class EvaluateOptions(Settings):
    """What `bertbench evaluate squad` takes."""

    option_group: ClassVar[str] = "data"

    data: Annotated[Path, REFERENCES]
    predictions: Annotated[Path, Option("predictions.json or its folder.")]


def evaluate_squad(options: EvaluateOptions) -> None:
    """Print exact match and F1 in percent."""
    dataset, predictions = options.data, options.predictions
    references = {qas_id: reference.answers for qas_id, reference in read_references(dataset).items()}
    answers = read_predictions(predictions)
    foreign = len(answers.keys() - references.keys())
    if foreign:
        notice(
            f"{predictions}: predictions for questions that {dataset} does not contain: {foreign}; ignored."
        )
    scores = score_squad(references, answers)
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
