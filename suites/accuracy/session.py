"""One session's passes and judgements: each model runs over its data once a precision, for all tests."""

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bertbench.errors import BertbenchError
from bertbench.results.accuracy_baselines import Key
from suites.accuracy.judgement import Judgement
from suites.accuracy.slots import Missing, Slot, Subject
from suites.cases import Case

if TYPE_CHECKING:
    from bertbench.prediction import Prediction


@dataclass(frozen=True)
class Pass:
    """A model in one precision over its data."""

    case: Case
    subject: Subject
    prediction: "Prediction"

    @property
    def key(self) -> Key:
        """The key of the case's baseline."""
        return self.case.id, self.prediction.checkpoint_fingerprint, self.prediction.dataset_sha256

    @property
    def quantity(self) -> str:
        """The metric that decides."""
        return self.subject.task.headline

    @property
    def scores(self) -> dict[str, float]:
        """Every metric."""
        return self.prediction.outcome.scores

    @property
    def others(self) -> dict[str, float]:
        """The metrics that do not decide."""
        return {name: score for name, score in self.scores.items() if name != self.quantity}

    @property
    def output_dir(self) -> str:
        """Where `predict_command` writes."""
        return f"results/{self.case.id}"

    @property
    def predict_command(self) -> str:
        """The command that makes the same predictions, to look at."""
        return shlex.join(
            [
                *("bertbench", "predict", *self.subject.arguments),
                *("--precision", self.case.precision, "--output-dir", self.output_dir),
            ]
        )

    @property
    def per_item(self) -> np.ndarray | None:
        """float64 [N], what each item adds to the deciding metric, where that is a mean over items."""
        values = self.prediction.outcome.per_item.get(self.quantity)
        if values is None or not np.isclose(values.mean(), self.scores[self.quantity]):
            return None
        return values


@dataclass
class AccuracySession:
    """What the accuracy tests of one pytest session share.

    Attributes:
      batch_size: rows per batch.
      judgements: in the order of judging.
    """

    batch_size: int
    judgements: list[Judgement] = field(default_factory=list)
    _outcomes: dict[str, Pass | Missing | BertbenchError] = field(default_factory=dict)

    def run(self, slot: Slot, precision: str) -> Pass:
        """The pass of a slot in a precision, made when first asked for.

        Raises:
          Missing: the slot's model or data are not there.
          BertbenchError: they cannot be used.
        """
        case = slot.cases[precision]
        if case.id not in self._outcomes:
            try:
                self._outcomes[case.id] = self._run(slot, case)
            except (Missing, BertbenchError) as error:
                self._outcomes[case.id] = error
        outcome = self._outcomes[case.id]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def passes(self) -> list[Pass]:
        """Every pass that was made."""
        return [outcome for outcome in self._outcomes.values() if isinstance(outcome, Pass)]

    def _run(self, slot: Slot, case: Case) -> Pass:
        from bertbench.compute import Compute
        from bertbench.precision import parse_precision
        from bertbench.prediction import PredictionSettings, predict

        subject = slot.find()
        compute = Compute(parse_precision(case.precision), subject.kernels)
        settings = PredictionSettings(compute, batch_size=self.batch_size)
        prediction = predict(subject.task, subject.source, "dev", settings)
        return Pass(case, subject, prediction)
