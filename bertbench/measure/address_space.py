"""The limit of this process's address space (`ulimit -v`).

TensorFlow's threads and compilers end the process, without an error that could be caught, when they get no
memory, so a limit that is too low is refused before.
"""

import resource

from bertbench.config import ModelConfig
from bertbench.errors import InputError

MIB = 2**20
# Of TensorFlow 2.21 with two threads, by trials in steps of 100 MiB: with 2,400 MiB MiniLM's prediction was
# ended by SIGABRT, and with 3,300 MiB that of a model with 700 MiB of weights.
TENSORFLOW_BYTES = 2560 * MIB
COPIES = 2  # of the weights: as they are read, and as oneDNN arranges them


def check_address_space(config: ModelConfig | None = None) -> None:
    """Check that TensorFlow, and this model's weights in float32, fit into the limit.

    Raises:
      InputError: they do not.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    weights = 4 * config.encoder_weights if config else 0
    needed = TENSORFLOW_BYTES + COPIES * weights
    if limit != resource.RLIM_INFINITY and limit < needed:
        what = "TensorFlow with this model" if config else "TensorFlow"
        raise InputError(
            f"the memory of this process is limited to {limit // MIB:,} MiB (ulimit -v), and {what} needs "
            f"about {needed // MIB:,} MiB; raise the limit."
        )
