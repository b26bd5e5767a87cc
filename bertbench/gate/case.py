"""One model in one precision over one data set, judged against everything that expects something of it."""

import dataclasses
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bertbench.checkpoint.source import ModelSource
from bertbench.errors import CannotJudge
from bertbench.evaluation.items import Items
from bertbench.gate.accuracy import compare_figures, compare_items, decide_case
from bertbench.gate.limits import PUBLISHED_TOLERANCE, SCORE_TOLERANCES
from bertbench.prediction import Prediction
from bertbench.results.accuracy import BASELINE, FP32, PUBLISHED, AccuracyCase, Ruling, ScoreComparison
from bertbench.results.accuracy_baselines import (
    AccuracyBaseline,
    PublishedScore,
    RecordedBaselines,
    find_published,
)
from bertbench.results.provenance import instruction_set
from bertbench.tasks.base import Task


@dataclass(frozen=True)
class ScoredRun:
    """A model in one precision over its data.

    Attributes:
      case: the name that its baselines go by.
      arguments: what `bertbench predict` is given for the same, but for precision and output.
    """

    case: str
    precision: str
    task: Task
    source: ModelSource
    prediction: Prediction
    arguments: tuple[str, ...]

    @property
    def output_dir(self) -> str:
        """Where `predict_command` writes."""
        return f"results/{self.case}"

    @property
    def predict_command(self) -> str:
        """The command that makes the same predictions, to look at."""
        options = ("--precision", self.precision, "--output-dir", self.output_dir)
        return shlex.join(["bertbench", "predict", *self.arguments, *options])

    @property
    def items(self) -> Items:
        """The scores item by item.

        Raises:
          CannotJudge: the data have no labels.
        """
        if self.prediction.outcome.items is None:
            raise CannotJudge(f"{self.case}: the data contains no answers to score by.")
        return self.prediction.outcome.items


@dataclass(frozen=True)
class Expectations:
    """What cases are compared with.

    Attributes:
      tolerance: what a score may lose; None is the gate's own for the precision and the score.
      recording: whether the baselines are about to be replaced, and so expect nothing.
      any_checkpoint: whether a case's newest baseline counts whatever checkpoint it was recorded with.
    """

    baselines: RecordedBaselines
    published: Sequence[PublishedScore] = ()
    tolerance: float | None = None
    recording: bool = False
    any_checkpoint: bool = False


def judge_case(run: ScoredRun, expected: Expectations, fp32: ScoredRun | None = None) -> AccuracyCase:
    """Judge a pass against its baseline, published scores, and the same model's pass in fp32.

    Raises:
      InputError: a baseline cannot be read.
      CannotJudge: the data have no labels, or a score is not finite.
    """
    case = _describe(run, expected)
    comparisons = [] if expected.recording else _recorded(run, case, expected)
    if fp32 is not None:
        comparisons.append(compare_items(case.quantity, fp32.items, run.items, case.tolerance, against=FP32))
    return dataclasses.replace(case, comparisons=tuple(comparisons), verdict=decide_case(comparisons))


def _describe(run: ScoredRun, expected: Expectations) -> AccuracyCase:
    items, quantity = run.items, run.task.headline
    tolerance = expected.tolerance
    return AccuracyCase(
        case=run.case,
        task=run.task.name,
        precision=run.precision,
        mode="inference",
        quantity=quantity,
        scores=run.prediction.outcome.scores,
        tolerance=SCORE_TOLERANCES[run.precision, quantity].bound if tolerance is None else tolerance,
        verdict=Ruling.UNCLEAR,
        checkpoint_fingerprint=run.prediction.checkpoint_fingerprint,
        dataset_sha256=run.prediction.dataset_sha256,
        examples=len(items),
        instruction_set=instruction_set(run.precision),
    )


def _recorded(run: ScoredRun, case: AccuracyCase, expected: Expectations) -> list[ScoreComparison]:
    """The comparisons with stored scores; without any, one that leaves the case unclear.

    Published scores, which may be those of another checkpoint, decide only where no baseline does.
    """
    baseline = [*_baseline(run, case, expected)]
    published = [*_published(run, case, expected.published)]
    if any(made.verdict != Ruling.NOT_JUDGED for made in baseline):
        published = [dataclasses.replace(made, verdict=Ruling.NOT_JUDGED) for made in published]
    return [*published, *baseline] or [_figure(run, case, BASELINE, None, case.tolerance)]


def _published(
    run: ScoredRun, case: AccuracyCase, published: Sequence[PublishedScore]
) -> Iterator[ScoreComparison]:
    entry = find_published(
        published,
        task=case.task,
        precision=case.precision,
        config=run.source.config,
        examples=case.examples,
    )
    if entry is not None:
        made = _figure(
            run, case, PUBLISHED, entry.scores[case.precision][case.quantity], PUBLISHED_TOLERANCE.bound
        )
        note = (
            f"of {entry.model}: {entry.source}; a baseline of this checkpoint, once recorded, decides instead"
        )
        yield dataclasses.replace(made, note=note)


def _baseline(run: ScoredRun, case: AccuracyCase, expected: Expectations) -> Iterator[ScoreComparison]:
    """The comparison with the baseline, if there is one."""
    baselines = expected.baselines
    own = baselines.find_newest(case) if expected.any_checkpoint else baselines.find(case)
    kept = baselines.items(own) if own else None
    if own is not None and kept is not None:
        kept = Items(run.items.ids, kept.values)
        made = compare_items(case.quantity, kept, run.items, case.tolerance, against=BASELINE)
        yield dataclasses.replace(made, since=own.recorded.since)
    elif own is not None:
        yield _shown(run, case, own, "keeps no scores by item")
    elif other := baselines.find_elsewhere(case):
        yield _shown(
            run,
            case,
            other,
            f"was recorded on {other.instruction_set}, where {case.precision} rounds otherwise",
        )


def _shown(run: ScoredRun, case: AccuracyCase, baseline: AccuracyBaseline, why: str) -> ScoreComparison:
    """A baseline beside the score, which it cannot judge."""
    made = _figure(run, case, BASELINE, baseline.scores[case.quantity], case.tolerance)
    return dataclasses.replace(made, verdict=Ruling.NOT_JUDGED, note=f"the baseline {why}")


def _figure(
    run: ScoredRun, case: AccuracyCase, against: str, expected: float | None, tolerance: float
) -> ScoreComparison:
    """The case's score beside a figure alone."""
    score, items = case.scores[case.quantity], run.items.size(case.quantity)
    return compare_figures(case.quantity, expected, score, tolerance, items, against=against)
