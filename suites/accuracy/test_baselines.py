"""Each score is that of its baseline: the recorded one, and the published one where it applies."""

import shlex

import pytest

from bertbench.results.accuracy_baselines import find_published
from suites.accuracy.judgement import Judgement
from suites.tolerances import TOLERANCES

pytestmark = pytest.mark.accuracy


def test_the_score_is_the_baselines(slot, precision, run_slot, judge, baselines, published, pytestconfig):
    run = run_slot(slot, precision)
    entry = find_published(
        published,
        task=run.case.task,
        precision=precision,
        config=run.subject.source.config,
        examples=run.prediction.dataset.num_items,
    )
    judgements = []
    if entry is not None:
        judgements.append(judge_published(run, entry))
    baseline = baselines.get(
        (run.case.id, run.prediction.checkpoint_fingerprint, run.prediction.dataset_sha256)
    )
    if baseline is not None or entry is None or pytestconfig.option.record_baselines:
        judgements.append(judge_recorded(run, baseline, pytestconfig))
    judge(*judgements)


def judge_published(run, entry):
    return Judgement(
        case=run.case.id,
        against="published",
        quantity=run.quantity,
        score=run.scores[run.quantity],
        expected=entry.scores[run.case.precision][run.quantity],
        tolerance=TOLERANCES["any", "published"],
        remedy=f"{run.predict_command}; the scores are those of {entry.model}: {entry.source}",
        others=run.others,
    )


def judge_recorded(run, baseline, config):
    return Judgement(
        case=run.case.id,
        against="baseline",
        quantity=run.quantity,
        score=run.scores[run.quantity],
        expected=None if baseline is None else baseline.scores[run.quantity],
        tolerance=TOLERANCES[run.case.precision, run.quantity],
        remedy=record_command(config, run.case.id) if baseline is None else run.predict_command,
        others=run.others,
        recorded=config.option.record_baselines,
    )


def record_command(config, case_id):
    """The command that records one case's baseline, with the places that this session was given."""
    options = {
        "--model-dir": config.option.model_dir,
        "--init-checkpoint": config.option.init_checkpoint,
        "--squad-dir": config.option.squad_dir,
        "--data": config.option.data,
    }
    places = [text for name, place in options.items() if place for text in (name, str(place))]
    return shlex.join(["pytest", "-m", "accuracy", *places, "-k", case_id, "--record-baselines"])
