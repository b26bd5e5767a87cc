"""Whether data, configuration, checkpoint and machine fit together, checked before a model is built."""

import math
from collections.abc import Callable
from pathlib import Path

import psutil

from bertbench.checkpoint.source import ModelSource
from bertbench.config import ModelConfig
from bertbench.data.features import Features
from bertbench.errors import InputError
from bertbench.tasks.base import Task, TaskSettings
from bertbench.tasks.dataset import Dataset
from bertbench.tasks.table import TASKS


def require_length(task: Task, config: ModelConfig) -> None:
    """Check that the model has positions for the task's longest example.

    Raises:
      InputError: it has too few.
    """
    require_positions(task.max_seq_length, config)


def require_positions(max_seq_length: int, config: ModelConfig) -> None:
    """Check that the model has positions for this number of tokens.

    Raises:
      InputError: it has too few.
    """
    if max_seq_length > config.max_position_embeddings:
        raise InputError(
            f"max_seq_length {max_seq_length} is above the model's max_position_embeddings "
            f"{config.max_position_embeddings}; give a smaller --max-seq-length."
        )


def require_known_ids(dataset: Dataset, config: ModelConfig) -> None:
    """Check that the model has embeddings for a data set; raises as `require_ids`."""
    require_ids(dataset.features, dataset.files[0].path, config)


def require_segments(config: ModelConfig) -> None:
    """Check that the model has two segments, for a question and its context.

    Raises:
      InputError: it has one.
    """
    if config.type_vocab_size < 2:
        raise InputError(
            f"type_vocab_size is {config.type_vocab_size}: the model has no segment for a question's "
            "context; give one that was fine-tuned for questions."
        )


def require_ids(features: Features, path: Path, config: ModelConfig) -> None:
    """Check that the model has embeddings for the words and segments of a file.

    Raises:
      InputError: it has too few; the message names the file.
    """
    ids = {"input_ids": features.input_ids, "segment_ids": features.segment_ids, **features.labels}
    sizes = {"input_ids": config.vocab_size, "segment_ids": config.type_vocab_size}
    for name, size in (sizes | {"masked_lm_ids": config.vocab_size}).items():
        largest = int(ids[name].max(initial=0)) if name in ids else 0
        if largest >= size:
            raise InputError(
                f"{path}: contains {name} up to {largest}, but the model has only {size}; "
                "give the model that the data was made for."
            )


def require_size(config: ModelConfig, source: ModelSource | None) -> None:
    """Check that there are weights for a model of this size, or memory for random ones.

    Smaller differences are reported when the checkpoint is loaded (`bertbench.checkpoint.plan`).

    Args:
      source: of the weights; they are random if it is None or has no checkpoint.

    Raises:
      InputError: the checkpoint has less than half of the weights; or without a checkpoint, the weights need
        more than the machine's memory.
    """
    weights = config.encoder_weights
    if source is not None and source.checkpoint is not None:
        stored = sum(math.prod(tensor.shape) for tensor in source.opened.list_tensors())
        if weights > 2 * stored:
            raise InputError(
                f"{source.checkpoint}: has {stored:,} weights, but the configuration's encoder has "
                f"{weights:,} ({config.num_hidden_layers} layers, hidden_size {config.hidden_size}, "
                f"vocab_size {config.vocab_size}); give the checkpoint and the bert_config.json that belong "
                "together."
            )
    elif (size := 4 * weights) > (memory := psutil.virtual_memory().total):
        raise InputError(
            f"a model with this configuration needs {size / 2**30:,.0f} GiB, but this machine has "
            f"{memory / 2**30:,.0f} GiB; give a smaller configuration."
        )


def open_data(
    source: ModelSource, data: Path, choose: Callable[[type[Task], int], tuple[TaskSettings, str]]
) -> tuple[Task, Dataset]:
    """The task that a model was trained for and that data is of, and the data.

    Args:
      choose: the settings that read the data as one of a class of `TASKS`, and the split that it is; given
        the class and the first dimension of its `head_variable` in the checkpoint.

    Raises:
      InputError: the checkpoint contains no task's head, or the data is not of such a task.
    """
    checkpoint, shapes = source.required_checkpoint, source.stored_variables()
    kinds = [kind for kind in TASKS.values() if kind.head_variable in shapes]
    if not kinds:
        heads = ", ".join(kind.head_name for kind in TASKS.values())
        raise InputError(
            f"{checkpoint}: contains no task head ({heads}); `bertbench train --help` shows how to "
            "fine-tune it."
        )
    faults = []
    for kind in kinds:
        try:
            settings, split = choose(kind, shapes[kind.head_variable][0])
            task = kind(settings, source.tokenizer() if kind.reads_text else None)
            return task, task.read(split)
        except InputError as error:
            faults.append(f"as {kind.name}: {error}")
    raise InputError(f"{data}: is not data for this model; {' '.join(faults)}")
