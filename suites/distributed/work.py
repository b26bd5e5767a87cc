"""The work of the workers in the tests' Horovod jobs, and the same work in one process.

Separate from `worker`, which imports Horovod, because the tests are also collected without Horovod.
"""

from bertbench.training.settings import TrainingSettings

EXAMPLES_A_STEP = 16
# Three steps per epoch, the last one of a single example: with several workers, most have no example in it.
NUM_EXAMPLES, STEPS, STEPS_PER_EPOCH = 33, 20, 3
SHAPES = ((3, 5), (7,), (2, 2, 2))


def whole_settings(size: int = 1) -> TrainingSettings:
    """The settings of one of `size` processes, which together train on the same examples in each step."""
    return TrainingSettings(
        batch_size=EXAMPLES_A_STEP // size, batching="padded", num_steps=STEPS, learning_rate=1e-3
    )
