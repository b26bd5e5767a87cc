"""The description of a benchmark case."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.data.batching import DEFAULT_STRATEGY
from bertbench.tasks.base import Task
from bertbench.tasks.fit import require_length

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class BenchmarkCase:
    """One case to measure.

    Attributes:
      geometry: the name of `config`: one of `bertbench.config.GEOMETRIES`, or of a model folder.
      batch_size: rows of a batch in inference, examples of a step in training.
      streams: the number of batches that run at once in threads that share the weights (inference only).
    """

    task: Task
    mode: str
    compute: Compute
    geometry: str
    config: ModelConfig
    batch_size: int
    batching: str = DEFAULT_STRATEGY
    streams: int = 1

    def __post_init__(self) -> None:
        require_length(self.task, self.config)

    @property
    def max_seq_length(self) -> int:
        """The longest example in wordpieces."""
        return self.task.max_seq_length

    @property
    def name(self) -> str:
        """The readable id for storing and comparing results: `bf16-squad-inference-bert-large-b8`.

        With several streams, `-x` and their number are appended.
        """
        streams = f"-x{self.streams}" if self.streams > 1 else ""
        name = f"{self.compute.precision}-{self.task.name}-{self.mode}-{self.geometry}"
        return f"{name}-b{self.batch_size}{streams}"

    @property
    def limit_dtype(self) -> "tf.DType":
        """The dtype of the products that limit it: int8, if oneDNN multiplies a model's int8 numbers."""
        import tensorflow as tf

        from bertbench.kernels import ONEDNN, int8_products

        precision = self.compute.precision
        return tf.int8 if precision.int8 and int8_products() == ONEDNN else precision.compute_dtype

    @property
    def trains(self) -> bool:
        """Whether a step is a training step."""
        return self.mode == "training"
