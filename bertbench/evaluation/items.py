"""A data set's scores by item, so that a score can be computed for any sample of items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Statistic = Callable[..., "np.ndarray"]

# Scores that are a ratio of two sums over the items, and the values that are summed.
RATIOS = {
    "masked_lm_accuracy": ("masked_lm_hits", "masked_lm_count"),
    "masked_lm_loss": ("masked_lm_loss_sum", "masked_lm_count"),
}
CORRELATIONS = ("matthews_correlation", "pearson", "spearman")


@dataclass(frozen=True)
class Items:
    """What each item of a data set contributes to the scores.

    Attributes:
      ids: [N], distinct, the names of the items in the data set.
      values: [N] each: by a score's name its value of each item, where the score is their mean; else
        `predictions` and `labels`, or the sums of `RATIOS`.
    """

    ids: np.ndarray
    values: Mapping[str, np.ndarray]

    @classmethod
    def numbered(cls, values: Mapping[str, np.ndarray]) -> Items:
        """Items without names, numbered from 1."""
        count = len(next(iter(values.values())))
        return cls(np.arange(1, count + 1).astype(str), values)

    def __len__(self) -> int:
        return len(self.ids)

    def statistic(self, score: str) -> tuple[Statistic, tuple[np.ndarray, ...]]:
        """How a score is computed: a function of arrays [..., N] over their last axis, and the arrays [N].

        Raises:
          KeyError: the values for this score are not stored.
        """
        if score in RATIOS:
            return _ratio, tuple(self.values[name] for name in RATIOS[score])
        if score in self.values:
            return _mean, (self.values[score],)
        from bertbench.evaluation.glue_metrics import METRICS  # whose scipy.stats takes a second

        return METRICS[score], (self.values["predictions"], self.values["labels"])

    def score(self, score: str) -> float:
        """A score of all items; raises KeyError as `statistic` does."""
        statistic, values = self.statistic(score)
        return float(statistic(*values))

    def size(self, score: str) -> int:
        """How many things were scored: the items, or the masked words in them."""
        return int(self.values[RATIOS[score][1]].sum()) if score in RATIOS else len(self)

    def in_order_of(self, other: Items) -> Items | None:
        """These items in the order of the other ones; None if they are not the same items."""
        own, others = np.argsort(self.ids), np.argsort(other.ids)
        if not np.array_equal(self.ids[own], other.ids[others]):
            return None
        order = own[np.argsort(others)]
        return Items(self.ids[order], {name: values[order] for name, values in self.values.items()})


def lower_is_better(score: str) -> bool:
    """Whether a score is a loss or an error."""
    return score.endswith(("loss", "error"))


def lowest_score(score: str) -> float:
    """The score, or the loss, if all items have the worst possible answers: the lowest value, or 0."""
    return -1.0 if score in CORRELATIONS else 0.0


def _mean(values: np.ndarray) -> np.ndarray:
    return values.mean(-1, dtype=np.float64)


def _ratio(parts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return parts.sum(-1, dtype=np.float64) / np.maximum(counts.sum(-1, dtype=np.float64), 1)
