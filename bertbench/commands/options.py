"""The settings that several commands share, and what they turn into."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from bertbench.measure.threads import ThreadSettings
from bertbench.options import Option, Settings
from bertbench.runtime import start_tensorflow

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource

LOWER_CASE = Option(
    "Lower-case the text.",
    default_help="as the tokenizer's files say; without any, lower-case",
    group="model",
)
REFERENCES = Option("SQuAD v1.1 file with reference answers.", names=("--data", "--dataset"), group="data")
OUTPUT_DIR = Option("Folder for all output files.", group="output")


@dataclass(frozen=True)
class ModelOptions(Settings):
    """Where the parts of a model are; see `bertbench.checkpoint.source.find_model`."""

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

    @property
    def is_named(self) -> bool:
        """Whether the user named a model."""
        return any(part is not None for part in (self.model_dir, self.init_checkpoint, self.config_file))

    def find(self, *, from_scratch: bool = False) -> "ModelSource":
        """The model on disk.

        Raises:
          InputError: as `find_model`.
        """
        from bertbench.checkpoint.source import find_model

        return find_model(**dataclasses.asdict(self), from_scratch=from_scratch)


@dataclass(frozen=True)
class ThreadOptions(Settings):
    """TensorFlow's threads, where the user has a wish."""

    num_intra_threads: Annotated[
        int | None, Option("Threads within an operation.", minimum=1, default_help="the machine's")
    ] = None
    num_inter_threads: Annotated[
        int | None, Option("Operations at once.", minimum=1, default_help="the machine's")
    ] = None

    def start(self, default: ThreadSettings | None = None, *, trains: bool = True) -> ThreadSettings:
        """Start TensorFlow with them; see `start_tensorflow`."""
        return start_tensorflow(self.num_intra_threads, self.num_inter_threads, default, trains=trains)
