"""The processes that train together: the interface for the trainer, and a single process."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

Trained = TypeVar("Trained")


class Workers(ABC):
    """The processes that train together, of which this is one.

    Attributes:
      rank, size: this worker and how many there are.
      shares: the ranks whose examples this worker trains on: its own and those of lost workers.
    """

    rank = 0
    size = 1
    shares: Sequence[int] = (0,)

    def run_with_recovery(
        self, variables: Mapping[str, tf.Variable], step: int, train: Callable[[int], Trained]
    ) -> Trained:
        """Call `train` with the first step; workers that recover call it again from a committed step."""
        return train(step)

    def commit(self, step: int) -> None:  # noqa: B027 (only workers that recover keep anything)
        """Keep the variables as those of `step`, to continue from when a worker is lost."""

    @abstractmethod
    def sum_gradients(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Each gradient summed over the workers; called inside the training graph."""

    @abstractmethod
    def sum_scalars(self, scalars: Mapping[str, float]) -> dict[str, float]:
        """Each number summed over the workers."""

    @abstractmethod
    def broadcast(self, variables: Sequence[tf.Variable]) -> None:
        """Give every worker the values of rank 0."""

    @abstractmethod
    def require_identical(self, variables: Mapping[str, tf.Variable]) -> None:
        """Raise CannotJudge in every worker where their variables differ in a bit."""

    @abstractmethod
    def require_agreement(self, facts: Mapping[str, Any]) -> None:
        """Raise InputError in every worker, with the differences, if they differ in a fact."""


class SingleProcess(Workers):
    """Training in this process alone."""

    def sum_gradients(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """See `Workers`."""
        return list(gradients)

    def sum_scalars(self, scalars: Mapping[str, float]) -> dict[str, float]:
        """See `Workers`."""
        return dict(scalars)

    def broadcast(self, variables: Sequence[tf.Variable]) -> None:
        """See `Workers`."""

    def require_identical(self, variables: Mapping[str, tf.Variable]) -> None:
        """See `Workers`."""

    def require_agreement(self, facts: Mapping[str, Any]) -> None:
        """See `Workers`."""


def split_seed(seed: int, *numbers: int) -> np.ndarray:
    """uint32 [2], a dropout seed derived from a run's seed and other numbers (step, micro-batch, rank)."""
    return np.random.SeedSequence([seed, *numbers]).generate_state(2)
