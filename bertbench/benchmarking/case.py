"""What is measured, as a value."""

from dataclasses import dataclass

from bertbench.compute import Compute
from bertbench.config import ModelConfig
from bertbench.data.batching import DEFAULT_STRATEGY
from bertbench.errors import InputError

TASKS = ("squad", "classifier", "pretraining")
MODES = ("inference", "training")
MAX_SEQ_LENGTHS = {"squad": 384, "classifier": 128, "pretraining": 128}


@dataclass(frozen=True)
class BenchmarkCase:
    """One thing to measure.

    Attributes:
      geometry: the name of `config`: one of `bertbench.config.GEOMETRIES`, or of a model folder.
      batch_size: rows of a batch in inference, examples of a step in training.
      masked_per_example: predictions of a pretraining example, where the workload is made up.
      num_labels: columns of the classifier's logits, where there is no task to tell it.
    """

    task: str
    mode: str
    compute: Compute
    geometry: str
    config: ModelConfig
    batch_size: int
    max_seq_length: int
    batching: str = DEFAULT_STRATEGY
    masked_per_example: int = 20
    num_labels: int = 2

    def __post_init__(self) -> None:
        if self.max_seq_length > self.config.max_position_embeddings:
            raise InputError(
                f"max_seq_length {self.max_seq_length} is above the model's max_position_embeddings "
                f"{self.config.max_position_embeddings}; give a smaller --max-seq-length."
            )
        if self.task == "pretraining" and self.masked_per_example >= self.max_seq_length:
            raise InputError(
                f"{self.masked_per_example} masked tokens do not fit into max_seq_length "
                f"{self.max_seq_length}; give fewer with --max-predictions-per-seq."
            )

    @property
    def name(self) -> str:
        """The readable id, by which results are stored and compared: `bf16-squad-inference-bert-large-b8`."""
        return f"{self.compute.precision}-{self.task}-{self.mode}-{self.geometry}-b{self.batch_size}"

    @property
    def trains(self) -> bool:
        """Whether a step is a training step."""
        return self.mode == "training"
