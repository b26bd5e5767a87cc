"""GLUE's official metrics, and a classifier's probabilities and loss."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import special, stats

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
    return {name: float(METRICS[name](predictions, labels)) for name in metrics}


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


def _accuracy(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (predictions == labels).mean(-1)


def _f1(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """2 TP / (2 TP + FP + FN), whose denominator is the number of positives on both sides."""
    found = ((predictions == 1) & (labels == 1)).sum(-1)
    positives = (predictions == 1).sum(-1) + (labels == 1).sum(-1)
    return 2 * found / np.maximum(positives, 1)


def _correlation(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Pearson's correlation in float64; that of 0 and 1 with 0 and 1 is Matthews' (Matthews 1975)."""
    x, y = (_center(np.asarray(values, np.float64)) for values in (predictions, labels))
    scale = np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    return np.divide((x * y).sum(-1), scale, out=np.zeros_like(scale), where=scale > 0)


def _center(values: np.ndarray) -> np.ndarray:
    """Values minus their mean; exactly 0 where all are alike."""
    centered = values - values.mean(-1, keepdims=True)
    return np.where(np.ptp(values, axis=-1, keepdims=True) == 0, 0.0, centered)


def _spearman(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return _correlation(*(stats.rankdata(values, axis=-1) for values in (predictions, labels)))


# Each takes predictions and labels [..., N] and scores them over the last axis.
METRICS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews_correlation": _correlation,
    "pearson": _correlation,
    "spearman": _spearman,
}
