"""`bertbench prepare`: plain text -> pretraining TFRecords."""

import os
from pathlib import Path
from typing import Any

import click

from bertbench.commands.options import lower_case_option
from bertbench.console import notice, say
from bertbench.errors import InputError


@click.group()
def command() -> None:
    """Turn data into the form that training reads."""


@command.command()
@click.option("--input-file", required=True, help="Text files: comma-separated paths or glob patterns.")
@click.option("--output-file", type=click.Path(path_type=Path), help="The one TFRecord file to write.")
@click.option("--output-dir", type=click.Path(path_type=Path), help="Folder for --num-shards TFRecord files.")
@click.option("--num-shards", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--vocab-file", required=True, type=click.Path(path_type=Path))
@lower_case_option
@click.option("--do-whole-word-mask/--no-do-whole-word-mask", default=False, show_default=True)
@click.option("--max-seq-length", type=int, default=128, show_default=True)
@click.option("--max-predictions-per-seq", type=int, default=20, show_default=True)
@click.option("--masked-lm-prob", type=float, default=0.15, show_default=True)
@click.option("--short-seq-prob", type=float, default=0.1, show_default=True)
@click.option("--dupe-factor", type=int, default=10, show_default=True)
@click.option("--random-seed", type=int, default=12345, show_default=True)
@click.option(
    "--num-processes",
    type=click.IntRange(min=1),
    default=os.cpu_count(),
    show_default="as many as CPUs",
    help="Changes the time it takes, never the outcome.",
)
def pretraining(
    input_file: str,
    output_file: Path | None,
    output_dir: Path | None,
    num_shards: int,
    vocab_file: Path,
    do_lower_case: bool | None,
    random_seed: int,
    num_processes: int,
    **masking: Any,
) -> None:
    """Mask text for the masked-LM and next-sentence tasks, as the original create_pretraining_data.py does.

    The text has one sentence a line and a blank line between documents.
    """
    from bertbench.data.pretraining import MaskingOptions
    from bertbench.data.pretraining_files import write_pretraining_files
    from bertbench.data.text_corpus import match_files
    from bertbench.data.tokenizer_files import tokenizer_of

    output_files = name_output_files(output_file, output_dir, num_shards)
    written = write_pretraining_files(
        match_files(input_file),
        output_files,
        tokenizer=tokenizer_of(vocab_file, do_lower_case).tokenizer,
        options=MaskingOptions(**masking),
        random_seed=random_seed,
        num_processes=num_processes,
    )
    if written.documents == 1:
        notice("There is one document only: random next sentences come from it too.")
    say(f"{written.examples} examples of {written.documents} documents in {output_file or output_dir}")


def name_output_files(output_file: Path | None, output_dir: Path | None, num_shards: int) -> list[Path]:
    """The files to write.

    Raises:
      InputError: both or neither place is given, shards have no folder, or the folder holds shards that
        another number of shards has left and that a pattern would read together with the new ones.
    """
    if output_dir is None or output_file is not None:
        if output_file is None or output_dir is not None:
            raise InputError("give either --output-file or --output-dir.")
        if num_shards > 1:
            raise InputError(f"--num-shards {num_shards} needs --output-dir; --output-file is one file.")
        return [output_file]
    names = [f"pretraining-{shard:05d}-of-{num_shards:05d}.tfrecord" for shard in range(num_shards)]
    left = sorted({path.name for path in output_dir.glob("pretraining-*-of-*.tfrecord")} - set(names))
    if left:
        raise InputError(f"{output_dir / left[0]}: left by another run; remove it or choose another folder.")
    return [output_dir / name for name in names]
