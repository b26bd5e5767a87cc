"""Adapts training settings to the number of processes."""

import dataclasses
import math
from collections.abc import Callable

from bertbench.errors import InputError
from bertbench.training.settings import TrainingSettings

# The factor of the learning rate, by name, for a number of processes.
LR_SCALINGS: dict[str, Callable[[int], float]] = {
    "sqrt": math.sqrt,
    "linear": float,
    "none": lambda size: 1.0,
}


def share_of(
    settings: TrainingSettings, size: int, lr_scaling: str, *, synchronized: bool
) -> TrainingSettings:
    """The settings of each of `size` processes that train together.

    Steps and warm-up steps are divided by the processes (rounded up), and the learning rate is multiplied by
    a factor: sqrt(size), size or 1.

    Args:
      lr_scaling: one of `LR_SCALINGS`.
      synchronized: the processes divide the examples, so that an epoch has fewer steps; otherwise each uses
        all examples, for its share of the epochs.
    """
    if lr_scaling not in LR_SCALINGS:
        raise InputError(f"learning rate scaling {lr_scaling!r}: choose one of {', '.join(LR_SCALINGS)}.")
    factor = LR_SCALINGS[lr_scaling](size)
    return dataclasses.replace(
        settings,
        learning_rate=settings.learning_rate * factor,
        num_epochs=settings.num_epochs if synchronized else settings.num_epochs / size,
        num_steps=_divide(settings.num_steps, size),
        warmup_steps=_divide(settings.warmup_steps, size),
    )


def _divide(steps: int | None, size: int) -> int | None:
    return None if steps is None else -(-steps // size)
