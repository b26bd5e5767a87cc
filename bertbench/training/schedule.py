"""The learning rate and the examples of each training step.

Both depend only on the step, so that a run can be resumed at any step.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from bertbench.errors import InputError


@dataclass(frozen=True)
class LearningRate:
    """Linear warm-up from 0, then linear decay to 0 (google-research/bert `optimization.py`).

    Steps count from 0. During warm-up the rate is `peak` * step / warmup_steps, afterwards
    `peak` * (1 - step / num_steps).
    """

    peak: float
    num_steps: int
    warmup_steps: int

    def __post_init__(self) -> None:
        if (
            not 0 <= self.peak <= float(np.finfo(np.float32).max)
            or self.num_steps < 1
            or not 0 <= self.warmup_steps <= self.num_steps
        ):
            raise InputError(
                f"learning rate {self.peak}, {self.num_steps} steps and {self.warmup_steps} warm-up steps: "
                "give a finite rate of at least 0, at least one step, and a warm-up no longer than training."
            )

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        if step < self.warmup_steps:
            return self.peak * step / self.warmup_steps
        return self.peak * max(0.0, 1.0 - step / self.num_steps)


@dataclass(frozen=True)
class ExampleOrder:
    """The examples of each step: every example once per epoch, in a new random order each epoch.

    Attributes:
      num_examples: N.
      batch_size: examples of one process's micro-batch.
      accum_steps: micro-batches per step.
      seed: of the random orders.
      rank, size: this process, and the number of processes that divide the examples without overlap.
    """

    num_examples: int
    batch_size: int
    accum_steps: int = 1
    seed: int = 0
    rank: int = 0
    size: int = 1

    def __post_init__(self) -> None:
        for name in ("num_examples", "batch_size", "accum_steps"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1.")

    @property
    def effective_batch(self) -> int:
        """Examples per step, over all micro-batches and processes."""
        return self.batch_size * self.accum_steps * self.size

    @property
    def steps_per_epoch(self) -> int:
        """Steps per epoch; the last one may have fewer examples."""
        return math.ceil(self.num_examples / self.effective_batch)

    def step_examples(self, step: int) -> np.ndarray:
        """int64, the examples of all processes in a step."""
        epoch, index = divmod(step, self.steps_per_epoch)
        order = _epoch_order(self.seed, epoch, self.num_examples)
        return order[index * self.effective_batch : (index + 1) * self.effective_batch]

    def micro_batches(self, step: int) -> list[np.ndarray]:
        """This process's examples in a step, by micro-batch; some may be empty in an epoch's last step."""
        mine = self.step_examples(step)[self.rank :: self.size]
        return [
            mine[start : start + self.batch_size]
            for start in range(0, self.batch_size * self.accum_steps, self.batch_size)
        ]


@functools.lru_cache(maxsize=1)
def _epoch_order(seed: int, epoch: int, num_examples: int) -> np.ndarray:
    """int64 [N], drawn once per epoch: for millions of examples this takes longer than a step."""
    order = np.random.default_rng([seed, epoch]).permutation(num_examples)
    order.flags.writeable = False
    return order
