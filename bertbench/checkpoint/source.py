"""Where a model comes from: its configuration, vocabulary and checkpoint on disk."""

import dataclasses
import functools
import string
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bertbench.checkpoint.config_files import find_config, read_config, read_labels_beside
from bertbench.checkpoint.finding import find_checkpoint
from bertbench.checkpoint.labels import OutputLabels
from bertbench.checkpoint.paths import is_safetensors, is_sharded
from bertbench.config import ModelConfig
from bertbench.console import notice
from bertbench.data.tokenization import Tokenizer
from bertbench.data.tokenizer_files import TokenizerFiles, find_tokenizer
from bertbench.errors import InputError

if TYPE_CHECKING:
    from bertbench.checkpoint.readers import CheckpointFile

_CAPITALS = frozenset(
    string.ascii_uppercase
)  # a cased vocabulary has all of them as wordpieces, an uncased one none
QUANTIZATION_FILE = "quantization.json"
_NO_CHECKPOINT = "no checkpoint given; use --init-checkpoint or --model-dir."


@dataclass(frozen=True)
class ModelSource:
    """A model on disk.

    Attributes:
      config: from `bert_config.json`, or Hugging Face's `config.json`.
      tokenizer_files: the vocabulary and the rules for text; None for a model without them.
      checkpoint: prefix or safetensors file; None: random weights.
      labels: the names of the checkpoint's classifier outputs; None if unknown.
      quantization_file: the scales of its int8 products (see `checkpoint.quantization`); None without any.
    """

    config: ModelConfig
    tokenizer_files: TokenizerFiles | None
    checkpoint: Path | None
    labels: OutputLabels | None = None
    quantization_file: Path | None = None

    def shape_of(self, variable: str) -> tuple[int, ...] | None:
        """The shape of a weight in the checkpoint, by its name in the model (see `checkpoint.names`).

        Returns:
          None if the checkpoint has no such weight.

        Raises:
          InputError: the checkpoint's list of tensors cannot be read.
        """
        return self.stored_variables().get(variable)

    def stored_variables(self) -> dict[str, tuple[int, ...]]:
        """The shape of each weight in the checkpoint, by its name in the model; none without a checkpoint.

        Raises:
          InputError: the checkpoint's list of tensors cannot be read.
        """
        if self.checkpoint is None:
            return {}
        tensors = self.opened.list_tensors()
        return {tensor.variable: tensor.variable_shape for tensor in reversed(tensors)}

    @functools.cached_property
    def opened(self) -> "CheckpointFile":
        """The checkpoint with its list of tensors, which is read once.

        Raises:
          InputError: there is no checkpoint, or its list of tensors cannot be read.
        """
        from bertbench.checkpoint.readers import open_checkpoint  # imports TensorFlow

        return open_checkpoint(self.required_checkpoint)

    def trained(self, checkpoint: Path) -> "ModelSource":
        """The model trained from this one; its classifier has the task's labels in the task's order."""
        return dataclasses.replace(self, checkpoint=checkpoint, labels=None, quantization_file=None)

    @property
    def required_checkpoint(self) -> Path:
        """The checkpoint, if trained weights are required.

        Raises:
          InputError: there is none.
        """
        if self.checkpoint is None:
            raise InputError(_NO_CHECKPOINT)
        return self.checkpoint

    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer, checked against the configuration.

        Raises:
          InputError: there is no vocabulary, it cannot be used, or it is larger than the model's.
        """
        if self.tokenizer_files is None:
            raise InputError(
                "no vocabulary given; use --vocab-file, "
                "or a --model-dir that contains vocab.txt or tokenizer.json."
            )
        tokenizer = self.tokenizer_files.tokenizer
        if tokenizer.vocab_size > self.config.vocab_size:
            raise InputError(
                f"{tokenizer.vocabulary.file}: contains {tokenizer.vocab_size} wordpieces, but the model has "
                f"vocab_size {self.config.vocab_size}; give the vocabulary the model was trained with."
            )
        _note_doubts(tokenizer, self.config)
        return tokenizer


def _note_doubts(tokenizer: Tokenizer, config: ModelConfig) -> None:
    """Print notices about probable mistakes that would otherwise show only in the scores."""
    file, lower = tokenizer.vocabulary.file, tokenizer.rules.do_lower_case
    if tokenizer.vocab_size < config.vocab_size:
        notice(
            f"{file}: contains {tokenizer.vocab_size} of the model's {config.vocab_size} "
            "wordpieces; if it is not the model's vocabulary, give that with --vocab-file."
        )
    cased = not _CAPITALS.isdisjoint(tokenizer.tokens)
    if cased and lower:
        notice(
            f"{file}: has capital letters, but text is lower-cased; for a cased model give "
            "--no-do-lower-case."
        )
    elif not cased and not lower:
        notice(
            f"{file}: has no capital letters, but text keeps its capital letters; for an uncased model give "
            "--do-lower-case."
        )


def find_model(
    model_dir: Path | str | None = None,
    *,
    config_file: Path | str | None = None,
    vocab_file: Path | str | None = None,
    init_checkpoint: Path | str | None = None,
    do_lower_case: bool | None = None,
    quantization_file: Path | str | None = None,
    from_scratch: bool = False,
) -> ModelSource:
    """Find the parts of a model in its folder, or as given.

    Args:
      quantization_file: by default the one beside the checkpoint, if there is one.
      from_scratch: a missing checkpoint is not an error.

    Raises:
      InputError: a part is missing, unreadable or ambiguous.
    """
    folder = Path(model_dir) if model_dir is not None else None
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder}: no such folder; --model-dir takes a model's folder.")
    if config_file is None:
        if folder is None:
            raise InputError("no model given; use --model-dir, or --config-file with the other parts.")
        config_file = find_config(folder)
    stated = read_config(config_file)
    checkpoint = _find_checkpoint(folder, init_checkpoint, from_scratch)
    tokenizer_files = find_tokenizer(folder, Path(vocab_file) if vocab_file else None, do_lower_case)
    labels = stated.labels
    if checkpoint is not None and (is_safetensors(checkpoint) or is_sharded(checkpoint)):
        labels = read_labels_beside(checkpoint, stated)
    scales = _find_quantization(checkpoint, quantization_file)
    return ModelSource(stated.config, tokenizer_files, checkpoint, labels, scales)


def _find_checkpoint(
    folder: Path | None, init_checkpoint: Path | str | None, from_scratch: bool
) -> Path | None:
    if init_checkpoint is not None:
        return find_checkpoint(init_checkpoint)
    if from_scratch:
        return None
    if folder is None:
        raise InputError(_NO_CHECKPOINT)
    return find_checkpoint(folder)


def _find_quantization(checkpoint: Path | None, given: Path | str | None) -> Path | None:
    if given is not None:
        return Path(given)
    beside = checkpoint and checkpoint.parent / QUANTIZATION_FILE
    return beside if beside and beside.exists() else None
