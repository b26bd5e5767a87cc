"""How a model is trained, as a value."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from bertbench.data.batching import Batching
from bertbench.options import Option, Settings
from bertbench.training.schedule import ExampleOrder, LearningRate

SEED = Option("Seed of order, dropout and new weights.", minimum=0, maximum=2**32 - 1)


@dataclass(frozen=True)
class TrainingSettings(Settings):
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

    option_group: ClassVar[str] = "training"

    batch_size: Annotated[int, Option("Examples of one process's micro-batch.", minimum=1)] = 32
    accum_steps: Annotated[int, Option("Micro-batches per step.", minimum=1)] = 1
    learning_rate: Annotated[float, Option("The highest learning rate.")] = 5e-5
    num_epochs: Annotated[
        float, Option("Passes over the examples.", names=("--num-train-epochs",), minimum=0, exclusive=True)
    ] = 3.0
    num_steps: Annotated[
        int | None, Option("Steps, instead of epochs.", names=("--num-train-steps",), minimum=1)
    ] = None
    warmup_proportion: Annotated[
        float, Option("Share of the steps that are warm-up.", minimum=0, maximum=1)
    ] = 0.1
    warmup_steps: Annotated[int | None, Option("Warm-up steps, instead of a share.", minimum=0)] = None
    batching: Batching = "packed"
    seed: Annotated[int, SEED] = 12345
    save_checkpoints_steps: Annotated[int, Option("Steps between checkpoints.", minimum=1)] = 1000
    keep_checkpoints: Annotated[int, Option("Number of newest checkpoints to keep.", minimum=1)] = 5
    recompute: Annotated[
        bool, Option("Compute layers twice instead of keeping what their gradients need.")
    ] = False

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
