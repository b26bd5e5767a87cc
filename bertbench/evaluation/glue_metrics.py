"""GLUE's official metrics, and the files in which predictions and scores are handed over."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import special, stats
from sklearn import metrics as sklearn_metrics

from bertbench.errors import CannotJudge
from bertbench.files import write_text


def glue_scores(metrics: Sequence[str], predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Score predictions by the named metrics, each in [-1, 1] or [0, 1].

    `f1` is that of label 1. A correlation with predictions or labels that are all alike is undefined and
    counts as 0.0, and so does an F1 without a positive.

    Args:
      metrics: of `accuracy`, `f1`, `matthews_correlation`, `pearson`, `spearman`.
      predictions: label ids, or scores for the two correlations of regression tasks; [N].
      labels: the same of the dataset, [N].

    Raises:
      CannotJudge: there is nothing to score, or a prediction is not finite.
    """
    predictions = np.asarray(predictions)
    labels = np.asarray(labels)
    if not len(labels):
        raise CannotJudge("no example has a label; there is nothing to score.")
    if not np.isfinite(predictions).all():
        raise CannotJudge("a prediction is not finite; the model's output cannot be scored.")
    return {name: float(_METRICS[name](labels, predictions)) for name in metrics}


def class_probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis.

    Args:
      logits: [N, C], any float dtype.

    Returns:
      float32 [N, C], computed in float64.

    Raises:
      CannotJudge: a logit is not finite.
    """
    logits = np.asarray(logits, np.float64)
    if not np.isfinite(logits).all():
        raise CannotJudge("a logit is not finite; the model's output cannot be scored.")
    return special.softmax(logits, axis=-1).astype(np.float32)


def mean_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean cross-entropy of label ids, or of scores the mean squared error, in float64.

    Args:
      logits: [N, C], any float dtype; of scores [N, 1].
      labels: integer label ids, or float scores, [N].
    """
    logits = np.asarray(logits, np.float64)
    if logits.shape[-1] == 1:
        return float(np.square(logits[:, 0] - labels).mean())
    log_probabilities = special.log_softmax(logits, axis=-1)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def write_test_results(path: Path | str, values: np.ndarray) -> None:
    """Write `test_results.tsv` as the original does: an example a line, its values parted by tabs.

    Args:
      path: the file.
      values: probabilities [N, C], or scores [N] of a regression task; written as float32 in the fewest
        digits that read back the same.
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
    """Write test predictions as the GLUE site takes them: header, then row number and prediction.

    Args:
      path: the file, named as the site expects (`MRPC.tsv`).
      predictions: label ids int [N], or scores float [N] of a regression task.
      labels: the task's label names; empty for regression.
      score_range: scores are clipped to it; needed for regression.
    """
    if labels:
        cells = [labels[prediction] for prediction in predictions]
    else:
        cells = [f"{score:.3f}" for score in np.clip(predictions, *score_range)]
    lines = [f"{index}\t{cell}\n" for index, cell in enumerate(cells)]
    write_text(path, "index\tprediction\n" + "".join(lines))


def _f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    return sklearn_metrics.f1_score(labels, predictions, zero_division=0.0)


def _matthews(labels: np.ndarray, predictions: np.ndarray) -> float:
    return 0.0 if _constant(labels, predictions) else sklearn_metrics.matthews_corrcoef(labels, predictions)


def _pearson(labels: np.ndarray, predictions: np.ndarray) -> float:
    if _constant(labels, predictions):
        return 0.0
    return stats.pearsonr(labels.astype(np.float64), predictions.astype(np.float64)).statistic


def _spearman(labels: np.ndarray, predictions: np.ndarray) -> float:
    return 0.0 if _constant(labels, predictions) else stats.spearmanr(labels, predictions).statistic


def _constant(labels: np.ndarray, predictions: np.ndarray) -> bool:
    return np.ptp(labels) == 0 or np.ptp(predictions) == 0


_METRICS = {
    "accuracy": sklearn_metrics.accuracy_score,
    "f1": _f1,
    "matthews_correlation": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}
