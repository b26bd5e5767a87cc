"""The settings of a scenario, also as the `user.conf` that LoadGen reads."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from bertbench.mlperf.loadgen import ACCURACY, MODEL, PERFORMANCE
from bertbench.mlperf.systems import SCENARIOS
from bertbench.options import Option, Settings

BOTH = "both"
SECONDS, SHORT_SECONDS = 600.0, 10.0  # MLPerf's duration, and that of a trial run
TARGETS = ("99", "99.9")
_MARGIN = 1.3  # on the rate given to LoadGen, so that the run is long enough
_USUAL_LOAD = 0.4  # share of the rate in batches that a server can answer in time


@dataclass(frozen=True)
class MlperfSettings(Settings):
    """The settings of a run.

    Attributes:
      target: percent of fp32's F1 that must be reached.
      min_duration: seconds. target_latency: milliseconds.
    """

    option_group: ClassVar[str] = "data"

    scenario: Annotated[str, Option("The scenario.", choices=SCENARIOS)]
    test_mode: Annotated[str, Option("The tests to run.", choices=(BOTH, PERFORMANCE, ACCURACY))] = BOTH
    target: Annotated[str, Option("Percent of fp32's F1 that must be reached.", choices=TARGETS)] = TARGETS[0]
    min_duration: Annotated[
        float | None,
        Option(
            "Seconds of the performance test.",
            minimum=0.0,
            exclusive=True,
            default_help="600 as MLPerf's rules; 10 for the package's own model",
        ),
    ] = None
    target_qps: Annotated[
        float | None,
        Option(
            "Samples per second that are expected (Offline) or sent (Server).",
            minimum=0.0,
            exclusive=True,
            default_help="from a measurement",
        ),
    ] = None
    target_latency: Annotated[
        float,
        Option("Server: milliseconds for 99 % of the samples.", minimum=0.0, exclusive=True),
    ] = 130.0
    batch_size: Annotated[int, Option("Rows of the largest batch.", minimum=1)] = 8

    @property
    def modes(self) -> tuple[str, ...]:
        """The tests that are run, in their order."""
        return (PERFORMANCE, ACCURACY) if self.test_mode == BOTH else (self.test_mode,)

    def user_conf(self, seconds: float, rate: float, single_seconds: float) -> str:
        """The configuration of one run.

        Args:
          seconds: of the performance test.
          rate: measured samples per second in batches. single_seconds: measured, of one sample.
        """
        values: dict[str, float] = {"min_duration": round(1000 * seconds)}
        if self.scenario == "SingleStream":
            values["target_latency"] = 1000 * single_seconds
        elif self.scenario == "Offline":
            values["target_qps"] = self.target_qps or _MARGIN * rate
        else:
            values["target_qps"] = self.target_qps or _USUAL_LOAD * rate
            values["target_latency"] = self.target_latency
        if seconds < SECONDS:
            values["min_query_count"] = 1
        return "".join(f"{MODEL}.{self.scenario}.{key} = {value:.6g}\n" for key, value in values.items())
