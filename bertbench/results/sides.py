"""What one side of a comparison brings: a results folder, or one pytest-benchmark file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertbench.errors import InputError
from bertbench.results.schema import (
    ACCURACY_FILE,
    THROUGHPUT_FILE,
    AccuracyCase,
    AccuracyResult,
    ThroughputResult,
    read_accuracy,
    read_throughput,
)


@dataclass(frozen=True)
class Side:
    """Base or head of a comparison, with the name that verdicts call it by."""

    name: str
    folder: Path
    throughput: ThroughputResult | None
    accuracy: AccuracyResult | None

    def per_question_scores(self, case: AccuracyCase) -> tuple[np.ndarray, np.ndarray] | None:
        """Question ids [N] and their scores float64 [N] in the unit of `case.scores`, if they were kept.

        Raises:
          InputError: the file is missing or does not belong to the case.
        """
        if case.per_question_scores is None:
            return None
        path = self.folder / case.per_question_scores
        try:
            with np.load(path) as arrays:
                ids, scores = arrays["ids"], np.asarray(arrays[case.quantity], np.float64)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{path}: per-question scores of {case.case} cannot be read ({error}); "
                "run the accuracy suite again."
            ) from None
        if ids.shape != scores.shape or not np.isclose(scores.mean(), case.scores[case.quantity]):
            raise InputError(
                f"{path}: does not hold the {case.quantity} of {case.case}; run the accuracy suite again."
            )
        return ids, scores


def load_side(path: Path) -> Side:
    """Load a results folder, or a pytest-benchmark file as a folder with nothing else in it.

    Raises:
      InputError: there is no result, or one cannot be read.
    """
    if path.is_file():
        return Side(str(path), path.parent, read_throughput(path), None)
    throughput, accuracy = path / THROUGHPUT_FILE, path / ACCURACY_FILE
    if not throughput.exists() and not accuracy.exists():
        raise InputError(
            f"{path}: holds neither {THROUGHPUT_FILE} nor {ACCURACY_FILE}; "
            "give a results folder, a pytest-benchmark file or a git revision."
        )
    return Side(
        str(path),
        path,
        read_throughput(throughput) if throughput.exists() else None,
        read_accuracy(accuracy) if accuracy.exists() else None,
    )
