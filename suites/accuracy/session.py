"""The predictions of a session: each model runs once per precision, for all tests of one process."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bertbench.errors import BertbenchError
from suites.accuracy.slots import Missing, ModelUnderTest, Slot

if TYPE_CHECKING:
    from bertbench.gate.case import ScoredRun


@dataclass
class AccuracySession:
    """The predictions so far; `batch_size` is in rows."""

    batch_size: int
    deterministic: bool = False
    _outcomes: "dict[str, ScoredRun | Missing | BertbenchError]" = field(default_factory=dict)

    def run(self, slot: Slot, precision: str) -> "ScoredRun":
        """The prediction of a slot in a precision, computed on first use.

        Raises:
          Missing: the slot's model or data does not exist.
          BertbenchError: they cannot be used.
        """
        case = slot.cases[precision].id
        if case not in self._outcomes:
            try:
                self._outcomes[case] = self._run(slot.find(), case, precision)
            except (Missing, BertbenchError) as error:
                self._outcomes[case] = error
        outcome = self._outcomes[case]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _run(self, model: ModelUnderTest, case: str, precision: str) -> "ScoredRun":
        from bertbench.compute import Compute
        from bertbench.gate.case import ScoredRun
        from bertbench.precision import INT8, parse_precision
        from bertbench.prediction import PredictionSettings, predict
        from bertbench.runtime import compute_for

        if precision == INT8.name and model.source.quantization_file is None:
            raise Missing(f"{model.source.checkpoint}: not quantized; `bertbench quantize --help` shows how")
        compute = compute_for(Compute(parse_precision(precision), model.kernels), model.source)
        settings = PredictionSettings(compute, batch_size=self.batch_size, deterministic=self.deterministic)
        prediction = predict(model.task, model.source, "dev", settings)
        return ScoredRun(case, precision, model.task, model.source, prediction, model.arguments)
