"""The processes that train together, as the trainer sees them; one process unless Horovod says otherwise."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

Trained = TypeVar("Trained")


class SingleProcess:
    """Training in this process alone.

    Attributes:
      rank, size: this worker and how many there are.
      shares: whose examples this one trains on: its own, and those of workers that were lost.
    """

    rank = 0
    size = 1
    shares: Sequence[int] = (0,)

    def outlive_losses(
        self, variables: Mapping[str, tf.Variable], step: int, train: Callable[[int], Trained]
    ) -> Trained:
        """Call `train` with the step to begin with, and again with one committed when a worker is lost."""
        return train(step)

    def commit(self, step: int) -> None:
        """Keep the variables as those of `step`, to go on from when a worker is lost."""

    def sum_gradients(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Each gradient summed over the workers; called inside the training graph."""
        return list(gradients)

    def sum_figures(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Each figure summed over the workers."""
        return dict(figures)

    def broadcast(self, variables: Sequence[tf.Variable]) -> None:
        """Give every worker the first one's values."""

    def require_identical(self, variables: Mapping[str, tf.Variable]) -> None:
        """End with a CannotJudge where workers' variables differ in a bit."""

    def require_agreement(self, facts: Mapping[str, Any]) -> None:
        """End with an InputError that names the difference where workers differ in a fact."""


def split_seed(seed: int, *numbers: int) -> np.ndarray:
    """uint32 [2], a dropout seed drawn from a run's seed and any numbers (step, micro-batch, rank)."""
    return np.random.SeedSequence([seed, *numbers]).generate_state(2)
