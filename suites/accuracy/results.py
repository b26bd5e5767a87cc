"""A session's judgements as `accuracy.json`, with each case's scores per item in separate files."""

from pathlib import Path

import numpy as np

from bertbench.files import atomic_path
from bertbench.measure.machine import describe_machine
from bertbench.results.provenance import describe_versions
from bertbench.results.schema import ACCURACY_FILE, AccuracyCase, AccuracyResult, write_result
from suites.accuracy.judgement import FAIL, PASS
from suites.accuracy.session import AccuracySession, Pass
from suites.tolerances import TOLERANCES


def collect_results(session: AccuracySession) -> AccuracyResult:
    """Every case that was held against something."""
    judged = {judgement.case for judgement in session.judgements}
    cases = [_describe(session, run) for run in session.passes if run.case.id in judged]
    return AccuracyResult(describe_machine(), describe_versions(), tuple(cases))


def write_results(session: AccuracySession, folder: Path) -> None:
    """Write `accuracy.json` and, for the gate's paired comparison, `<case>.npz` with `ids` and scores."""
    for run in session.passes:
        if run.per_item is not None:
            with atomic_path(folder / _scores_file(run)) as temporary, temporary.open("wb") as stream:
                np.savez_compressed(stream, ids=np.arange(len(run.per_item)), **{run.quantity: run.per_item})
    write_result(folder / ACCURACY_FILE, collect_results(session))


def _describe(session: AccuracySession, run: Pass) -> AccuracyCase:
    judgements = [judgement for judgement in session.judgements if judgement.case == run.case.id]
    baseline = next((judgement for judgement in judgements if judgement.against == "baseline"), None)
    interval = next((judgement.interval for judgement in judgements if judgement.interval), None)
    case = run.case
    return AccuracyCase(
        case=case.id,
        task=case.task,
        precision=case.precision,
        mode=case.mode,
        quantity=run.quantity,
        scores=run.scores,
        tolerance=TOLERANCES[case.precision, run.quantity].bound,
        verdict=FAIL if any(judgement.verdict == FAIL for judgement in judgements) else PASS,
        checkpoint_fingerprint=run.prediction.checkpoint_fingerprint,
        dataset_sha256=run.prediction.dataset_sha256,
        examples=run.prediction.dataset.num_items,
        baseline=baseline.expected if baseline else None,
        difference=baseline.difference if baseline else None,
        interval=(interval.low, interval.high) if interval else None,
        per_question_scores=None if run.per_item is None else _scores_file(run),
        command=f"pytest -m accuracy -k {case.id}",
    )


def _scores_file(run: Pass) -> str:
    return f"{run.case.id}.npz"
