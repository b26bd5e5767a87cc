"""The output files of a classifier's predictions and of every task's scores.

`test_results.tsv` and `eval_results.txt` are as `run_classifier.py` of google-research/bert writes them, the
submissions as https://gluebenchmark.com accepts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bertbench.files import write_text


def write_test_results(path: Path | str, values: np.ndarray) -> None:
    """Write `test_results.tsv` as the original does: one example per line, its values separated by tabs.

    Args:
      path: the file.
      values: probabilities [N, C], or scores [N] of a regression task; written as float32 with the fewest
        digits that identify the value.
    """
    rows = np.asarray(values, np.float32).reshape(len(values), -1)
    write_text(path, "".join("\t".join(str(value) for value in row) + "\n" for row in rows))


def write_eval_results(path: Path | str, results: Mapping[str, object]) -> None:
    """Write `eval_results.txt` as the original does: `key = value` lines, sorted by key."""
    write_text(path, "".join(f"{key} = {results[key]}\n" for key in sorted(results)))


def write_submission(
    path: Path | str,
    predictions: np.ndarray,
    labels: Sequence[str],
    score_range: tuple[float, float] | None = None,
) -> None:
    """Write test predictions as the GLUE site accepts them: header, then row number and prediction.

    Args:
      path: the file, named as the site expects (`MRPC.tsv`).
      predictions: label ids int [N], or scores float [N] of a regression task.
      labels: the task's label names; empty for regression.
      score_range: scores are clipped to it; needed for regression.
    """
    if labels:
        cells = [labels[prediction] for prediction in predictions]
    else:
        cells = [f"{score:.3f}" for score in np.clip(predictions, *(score_range or (None, None)))]
    lines = [f"{index}\t{cell}\n" for index, cell in enumerate(cells)]
    write_text(path, "index\tprediction\n" + "".join(lines))
