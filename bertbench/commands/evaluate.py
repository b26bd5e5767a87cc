"""`bertbench evaluate`: score a predictions file as the official script does."""

import json

import click

from bertbench.console import notice, say
from bertbench.data.squad import read_references
from bertbench.evaluation.prediction_files import read_predictions
from bertbench.evaluation.squad_metrics import score_squad


@click.group()
def command() -> None:
    """Score a predictions file as the official script does."""


@command.command()
@click.option("--dataset", required=True, metavar="FILE", help="SQuAD v1.1 file with reference answers.")
@click.option("--predictions", required=True, metavar="PATH", help="predictions.json or its folder.")
def squad(dataset: str, predictions: str) -> None:
    """Print exact match and F1 in percent, as evaluate-v1.1.py does."""
    references = {qas_id: reference.answers for qas_id, reference in read_references(dataset).items()}
    answers = read_predictions(predictions)
    foreign = len(answers.keys() - references.keys())
    if foreign:
        notice(
            f"{predictions}: predictions for questions that {dataset} does not hold: {foreign}; left aside."
        )
    scores = score_squad(references, answers)
    say(json.dumps({"exact_match": scores.exact_match, "f1": scores.f1}))
