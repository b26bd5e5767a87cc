"""The options of `bertbench gate`."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from bertbench.gate.limits import CALIBRATION_RUNS, EFFICIENCY_THRESHOLD, MINIMUM_PAIRS, PAIRS
from bertbench.gate.thresholds import Thresholds
from bertbench.options import Option, Settings, command_words


@dataclass(frozen=True)
class GateOptions(Settings):
    """The options of `bertbench gate`."""

    arguments: Annotated[
        tuple[str, ...], Option(positional=True, metavar="[BASE HEAD] | [-- BENCHMARK ARGUMENTS]")
    ] = ()
    against: Annotated[
        str | None,
        Option(
            "In a checkout of bertbench: build revision REV and HEAD, run them alternately, and judge HEAD.",
            metavar="REV",
        ),
    ] = None
    base_python: Annotated[
        Path | None,
        Option(
            "The Python of an environment with bertbench, to run alternately with that of the head.",
            default_help="this Python",
        ),
    ] = None
    head_python: Annotated[Path | None, Option("The Python to judge.", default_help="this Python")] = None
    base_env: Annotated[
        tuple[str, ...],
        Option("An environment variable for runs of the base; repeatable.", metavar="NAME=VALUE"),
    ] = ()
    head_env: Annotated[
        tuple[str, ...],
        Option("An environment variable for runs of the head; repeatable.", metavar="NAME=VALUE"),
    ] = ()
    threshold: Annotated[
        float,
        Option(
            "A loss of efficiency up to this many percent is not a regression.",
            minimum=0,
            maximum=100,
            exclusive=True,
        ),
    ] = 100 * EFFICIENCY_THRESHOLD
    case_threshold: Annotated[
        tuple[str, ...],
        Option("The threshold of cases that match the pattern; repeatable.", metavar="PATTERN=PERCENT"),
    ] = ()
    pairs: Annotated[
        int, Option("Alternating runs of each side; up to twice as many if unclear.", minimum=MINIMUM_PAIRS)
    ] = PAIRS
    calibrate: Annotated[
        bool,
        Option("Record the noise of this machine without changes, and report the error rates of the gate."),
    ] = False
    runs: Annotated[int, Option("With --calibrate: number of runs to record of each case.", minimum=1)] = (
        CALIBRATION_RUNS
    )
    output_dir: Annotated[
        Path | None, Option("Folder for gate.json, which the report reads.", group="output")
    ] = None
    verbose: Annotated[
        bool, Option("Show all columns.", names=("--verbose", "-v"), switch=True, group="output")
    ] = False

    @property
    def command_line(self) -> str:
        """A command that makes the same comparison."""
        sides = dataclasses.replace(
            self, arguments=(), output_dir=None, verbose=False, threshold=type(self).threshold
        )
        words = [*command_words(sides), "--threshold", f"{self.threshold:g}"]
        divider = ["--"] if self.in_turn and self.arguments else []
        return shlex.join(["bertbench", "gate", *words, *divider, *self.arguments])

    @property
    def thresholds(self) -> Thresholds:
        """The threshold of each case; raises as `Thresholds.parse`."""
        return Thresholds.parse(self.threshold, self.case_threshold)

    @property
    def in_turn(self) -> bool:
        """Whether two sides are run instead of read."""
        return bool(self.against or self.two_interpreters)

    @property
    def two_interpreters(self) -> bool:
        """Whether the sides are two Python interpreters, or one with two sets of environment variables."""
        return bool(self.base_python or self.head_python or self.base_env or self.head_env)
