"""How a model is trained, as a value."""

import math
from dataclasses import dataclass

from bertbench.data.batching import STRATEGIES
from bertbench.errors import InputError
from bertbench.training.schedule import ExampleOrder, LearningRate


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained.

    Attributes:
      batch_size: examples of one process's micro-batch.
      accum_steps: micro-batches per step.
      learning_rate: the peak.
      num_epochs, num_steps: how long to train; if both are given, the steps count.
      warmup_proportion, warmup_steps: the warm-up; if both are given, the steps count.
      batching: one of `bertbench.data.batching.STRATEGIES`.
      save_checkpoints_steps, keep_checkpoints: how often to save, how many to keep.
      recompute: compute each layer again for its gradient instead of keeping its intermediate values.
    """

    batch_size: int = 32
    accum_steps: int = 1
    learning_rate: float = 5e-5
    num_epochs: float = 3.0
    num_steps: int | None = None
    warmup_proportion: float = 0.1
    warmup_steps: int | None = None
    batching: str = "packed"
    seed: int = 12345
    save_checkpoints_steps: int = 1000
    keep_checkpoints: int = 5
    recompute: bool = False

    def __post_init__(self) -> None:
        if self.batching not in STRATEGIES:
            raise InputError(f"batching {self.batching!r} is unknown; choose one of {', '.join(STRATEGIES)}.")
        if self.save_checkpoints_steps < 1:
            raise InputError(f"save_checkpoints_steps is {self.save_checkpoints_steps}; give at least 1.")
        if not 0 <= self.warmup_proportion <= 1:
            raise InputError(f"warmup_proportion is {self.warmup_proportion}; give a share from 0 to 1.")
        if not 0 < self.num_epochs < math.inf:
            raise InputError(f"num_epochs is {self.num_epochs}; give a number above 0.")

    def steps(self, order: ExampleOrder) -> int:
        """The number of training steps for examples in that order."""
        if self.num_steps is not None:
            return self.num_steps
        return max(1, round(self.num_epochs * order.steps_per_epoch))

    def schedule(self, order: ExampleOrder) -> LearningRate:
        """The learning rate of each step."""
        steps = self.steps(order)
        warmup = self.warmup_steps if self.warmup_steps is not None else int(steps * self.warmup_proportion)
        return LearningRate(self.learning_rate, steps, warmup)
