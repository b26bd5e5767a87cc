"""GLUE's official metrics, and a classifier's probabilities and loss."""

from collections.abc import Sequence

import numpy as np
from scipy import special, stats
from sklearn import metrics as sklearn_metrics

from bertbench.errors import CannotJudge


def glue_scores(metrics: Sequence[str], predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Score predictions by the named metrics, each in [-1, 1] or [0, 1].

    `f1` is for label 1. A correlation with constant predictions or labels is undefined and counts as 0.0, and
    so does an F1 without positives.

    Args:
      metrics: of `accuracy`, `f1`, `matthews_correlation`, `pearson`, `spearman`.
      predictions: label ids, or scores for the two correlations of regression tasks; [N].
      labels: the labels of the data set, [N].

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
    """The mean cross-entropy of label ids, or the mean squared error of scores, in float64.

    Args:
      logits: [N, C], any float dtype; [N, 1] for scores.
      labels: integer label ids, or float scores, [N].
    """
    logits = np.asarray(logits, np.float64)
    if logits.shape[-1] == 1:
        return float(np.square(logits[:, 0] - labels).mean())
    log_probabilities = special.log_softmax(logits, axis=-1)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


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
