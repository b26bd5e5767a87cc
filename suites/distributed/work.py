"""What the workers of the tests' own Horovod jobs are given to do, and one process in their place.

Apart from `worker`, which imports Horovod: the tests are collected where there is none, too.
"""

from bertbench.training.settings import TrainingSettings

EXAMPLES_A_STEP = 16
# Three steps per epoch, the last one of a single example: with several workers most have nothing to do in it.
NUM_EXAMPLES, STEPS, STEPS_PER_EPOCH = 33, 20, 3
SHAPES = ((3, 5), (7,), (2, 2, 2))


def whole_settings(size: int = 1) -> TrainingSettings:
    """Of one among `size` processes, which together train on the same examples in each step."""
    return TrainingSettings(
        batch_size=EXAMPLES_A_STEP // size, batching="padded", num_steps=STEPS, learning_rate=1e-3
    )
