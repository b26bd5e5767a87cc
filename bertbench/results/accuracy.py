"""`accuracy.json`: the scores of each case, and what they were compared with.

The values are checked for consistency when it is read. Whether its verdicts follow from them is checked by
the gate, which has the rule (`bertbench.gate.accuracy.read_judged`).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.files import read_json
from bertbench.measure.machine import describe_machine
from bertbench.parsing import Count, Finite, NonNegative
from bertbench.results.provenance import describe_versions, now
from bertbench.results.schema import parse_version, require_distinct, write_result

ACCURACY_FILE = "accuracy.json"
BASELINE, FP32, PUBLISHED = "baseline", "fp32", "published"  # what scores are compared with
ACCURACY_VERSION = 2
_SAME = 1e-9  # relative: the rounding of sums in another order, and of a subtraction


class Ruling(StrEnum):
    """The outcome of a comparison of scores.

    `UNCHANGED`: every item scored as before, but there are too few items for a pass.
    """

    PASS = "pass"
    UNCHANGED = "unchanged"
    FAIL = "fail"
    UNCLEAR = "unclear"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class ScoreComparison:
    """A score and what it is compared with, in the unit of the score.

    Attributes:
      against: the source of the expected score: `baseline`, `fp32`, `published` or `reference`.
      expected: None if there is none yet, such as a missing baseline.
      items: the number of scored questions, examples or masked words.
      difference: score minus expected.
      interval: 95 % interval of the difference over the items; None without scores by item.
      p_value: the one-sided probability of such a difference by chance; given if the interval excludes 0.
      changed: ids of the items with different scores.
      note: a remark on the expected score.
      since: when, and at which commit, the expected score was recorded.
    """

    against: str
    quantity: str
    score: Finite
    tolerance: NonNegative
    items: Count
    verdict: Ruling
    expected: Finite | None = None
    difference: Finite | None = None
    interval: tuple[Finite, Finite] | None = None
    p_value: NonNegative | None = None
    changed: tuple[str, ...] = ()
    note: str | None = None
    since: str | None = None


@dataclass(frozen=True)
class AccuracyCase:
    """One model in one precision over one data set.

    Attributes:
      quantity: the score that decides, in the unit of `scores`.
      tolerance: of `quantity`.
      verdict: the worst of `comparisons`.
      instruction_set: the instruction set of its low-precision products; None in fp32, which does not depend
        on it.
      per_question_scores: an .npz beside the file, see `bertbench.results.item_files`.
    """

    case: str
    task: str
    precision: str
    mode: str
    quantity: str
    scores: Mapping[str, Finite]
    tolerance: NonNegative
    verdict: Ruling
    checkpoint_fingerprint: str
    dataset_sha256: str
    examples: Count
    comparisons: tuple[ScoreComparison, ...] = ()
    instruction_set: str | None = None
    per_question_scores: str | None = None
    command: str | None = None

    def comparison(self, against: str) -> ScoreComparison | None:
        """The comparison with this source, if there is one."""
        return next((made for made in self.comparisons if made.against == against), None)


@dataclass(frozen=True)
class AccuracyResult:
    """`accuracy.json`: every case of one run; `measured` is the time (ISO 8601, UTC)."""

    machine: Mapping[str, Any]
    versions: Mapping[str, Any]
    cases: tuple[AccuracyCase, ...]
    measured: str = ""

    @classmethod
    def of_this_run(cls, cases: Iterable[AccuracyCase]) -> "AccuracyResult":
        """The result of cases that this process measured."""
        return cls(describe_machine(), describe_versions(), tuple(cases), now())


def read_accuracy(path: Path | str) -> AccuracyResult:
    """Read `accuracy.json`.

    Raises:
      InputError: it cannot be read, has another version, or its values contradict each other; the message
        names file and place.
    """
    result: AccuracyResult = parse_version(AccuracyResult, read_json(path), str(path), ACCURACY_VERSION)
    for case in result.cases:
        if case.quantity not in case.scores:
            raise InputError(f"{path}: {case.case} has no score {case.quantity!r}; make the results again.")
        name = case.per_question_scores
        if name is not None and Path(name).name != name:
            raise InputError(f"{path}: {case.case}: per_question_scores {name!r} must be a file beside it.")
        for comparison in case.comparisons:
            if fault := _contradiction(case, comparison):
                raise InputError(
                    f"{path}: {case.case} against {comparison.against}: {fault}; make the results again."
                )
    require_distinct((case.case for case in result.cases), path)
    return result


def write_accuracy(path: Path | str, result: AccuracyResult) -> None:
    """Write `accuracy.json` atomically, with a checksum."""
    write_result(path, result, ACCURACY_VERSION)


def _contradiction(case: AccuracyCase, made: ScoreComparison) -> str | None:
    if not math.isclose(made.score, case.scores.get(made.quantity, made.score), rel_tol=_SAME):
        return f"its {made.quantity} {made.score} is not the case's {case.scores[made.quantity]}"
    if (made.expected is None) != (made.difference is None):
        return "only one of expected and difference is given"
    if made.expected is not None and made.difference is not None:
        exact = made.score - made.expected
        rounding = _SAME * max(abs(made.score), abs(made.expected))
        if not math.isclose(made.difference, exact, rel_tol=0, abs_tol=rounding):
            return f"difference {made.difference} is not score minus expected, {exact}"
    if made.interval is not None:
        low, high = made.interval
        if made.difference is None or not low - _SAME <= made.difference <= high + _SAME:
            return f"interval {low} to {high} does not contain the difference {made.difference}"
    return None
