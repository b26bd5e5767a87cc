"""The options for the files of a model."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from bertbench.checkpoint.source import ModelSource, find_model
from bertbench.options import Option, Settings

LOWER_CASE = Option(
    "Lower-case the text.",
    default_help="from the tokenizer's files; without any, lower-case",
    group="model",
)


@dataclass(frozen=True)
class ModelOptions(Settings):
    """The files of a model; see `bertbench.checkpoint.source.find_model`."""

    option_group: ClassVar[str] = "model"

    model_dir: Annotated[Path | None, Option("Folder with bert_config.json, vocab.txt and a checkpoint.")] = (
        None
    )
    init_checkpoint: Annotated[Path | None, Option("Checkpoint prefix or safetensors file.")] = None
    config_file: Annotated[Path | None, Option("bert_config.json, if not in the model folder.")] = None
    vocab_file: Annotated[Path | None, Option("vocab.txt or tokenizer.json, if not in the model folder.")] = (
        None
    )
    do_lower_case: Annotated[bool | None, LOWER_CASE] = None
    quantization_file: Annotated[
        Path | None, Option("quantization.json for int8, if it is not next to the checkpoint.")
    ] = None

    @property
    def is_named(self) -> bool:
        """Whether a model is given."""
        return any(part is not None for part in (self.model_dir, self.init_checkpoint, self.config_file))

    def find(self, *, from_scratch: bool = False) -> ModelSource:
        """The model on disk.

        Raises:
          InputError: as `find_model`.
        """
        return find_model(**dataclasses.asdict(self), from_scratch=from_scratch)
