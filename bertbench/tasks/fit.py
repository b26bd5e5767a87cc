"""Whether a task's data fits a model."""

from bertbench.config import ModelConfig
from bertbench.errors import InputError
from bertbench.tasks.base import Task
from bertbench.tasks.dataset import Dataset


def require_length(task: Task, config: ModelConfig) -> None:
    """Check that the model has positions for the task's longest example.

    Raises:
      InputError: it has too few.
    """
    require_positions(task.max_seq_length, config)


def require_positions(max_seq_length: int, config: ModelConfig) -> None:
    """Check that the model has positions for so many tokens.

    Raises:
      InputError: it has not.
    """
    if max_seq_length > config.max_position_embeddings:
        raise InputError(
            f"max_seq_length {max_seq_length} is above the model's max_position_embeddings "
            f"{config.max_position_embeddings}; give a smaller --max-seq-length."
        )


def require_known_ids(dataset: Dataset, config: ModelConfig) -> None:
    """Check that the model has embeddings for the data's words and segments.

    Raises:
      InputError: it has too few; the message names the file.
    """
    features = dataset.features
    ids = {"input_ids": features.input_ids, "segment_ids": features.segment_ids, **features.labels}
    sizes = {"input_ids": config.vocab_size, "segment_ids": config.type_vocab_size}
    for name, size in (sizes | {"masked_lm_ids": config.vocab_size}).items():
        largest = int(ids[name].max(initial=0)) if name in ids else 0
        if largest >= size:
            raise InputError(
                f"{dataset.files[0].path}: contains {name} up to {largest}, but the model has only {size}; "
                "give the model that the data was made for."
            )
