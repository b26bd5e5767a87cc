"""`bertbench extract-features`: the hidden states of texts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bertbench.batch_planner import BatchPlanner
from bertbench.checkpoint.options import ModelOptions
from bertbench.commands.options import ThreadOptions
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import notice, print_json
from bertbench.data.text_lines import read_features
from bertbench.errors import InputError
from bertbench.extraction.settings import ExtractionSettings
from bertbench.options import Option, Settings
from bertbench.runtime import compute_for
from bertbench.tasks.fit import require_ids, require_positions

if TYPE_CHECKING:
    from bertbench.config import ModelConfig
    from bertbench.data.features import Features

# Enough for batches of similar lengths, and few enough for memory.
_BATCHES_PER_PART = 8


@dataclass(frozen=True)
class ExtractOptions(Settings):
    """The options of `bertbench extract-features`."""

    data: Annotated[
        Path, Option("Texts, one per line, or two: a ||| b.", names=("--data", "--input-file"), group="data")
    ]
    output_file: Annotated[
        Path, Option("File to write: .jsonl as in the original, .npz or .safetensors.", group="output")
    ]
    model: ModelOptions = field(default_factory=ModelOptions)
    extraction: ExtractionSettings = field(default_factory=ExtractionSettings)
    threads: ThreadOptions = field(default_factory=ThreadOptions)


def extract_features(options: ExtractOptions) -> None:
    """Write the hidden states of every text."""
    from bertbench.extraction.files import require_suffix, write_states

    require_suffix(options.output_file)
    source = options.model.find()
    settings, running = options.extraction, options.extraction.prediction
    layers = settings.layers_of(source.config.num_hidden_layers)
    require_positions(settings.max_seq_length, source.config)
    tokenizer = source.tokenizer()
    if not options.data.exists():
        raise InputError(f"{options.data}: no such file; check the path.")
    compute = compute_for(running.compute, source)
    options.threads.start_for_data_sets()

    from bertbench.extraction.hidden_states import Extractor, pool

    extractor = Extractor(source, compute, layers)
    count = _Count()
    texts_per_part = _BATCHES_PER_PART * running.batch_size
    parts = count.through(read_features(options.data, tokenizer, settings.max_seq_length, texts_per_part))
    planner = BatchPlanner(running.batching, running.batch_size, settings.max_seq_length)
    states = extractor.extract(_checked(parts, options.data, source.config), planner)
    if settings.pooling is not None:
        states = (pool(part, settings.pooling) for part in states)
    pooled = settings.pooling is not None
    write_states(options.output_file, states, tokenizer.tokens, pooled=pooled)
    notice(f"{options.output_file}: {count.texts:,} texts, {count.tokens:,} tokens")
    print_json({"output_file": str(options.output_file), "texts": count.texts, "tokens": count.tokens})


command = TypedCommand(
    "extract-features",
    extract_features,
    ExtractOptions,
    help="""Write the hidden states of texts, as the original extract_features.py does, or one vector per
    text.

    \b
    Examples:
      bertbench extract-features --model-dir M --data texts.txt --layers -1,-2 \\
        --output-file features.jsonl
      bertbench extract-features --model-dir M --data texts.txt --layers -1 --pooling mean \\
        --output-file embeddings.npz
    """,
)


def _checked(parts: "Iterator[Features]", path: Path, config: "ModelConfig") -> "Iterator[Features]":
    """The same parts; raises as `require_ids`."""
    for part in parts:
        require_ids(part, path, config)
        yield part


@dataclass
class _Count:
    """The numbers of texts and tokens so far."""

    texts: int = 0
    tokens: int = 0

    def through(self, parts: "Iterator[Features]") -> "Iterator[Features]":
        """Yield the same parts and count them."""
        for part in parts:
            self.texts += len(part)
            self.tokens += len(part.input_ids)
            yield part
