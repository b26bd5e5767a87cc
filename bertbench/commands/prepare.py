"""`bertbench prepare`: plain text -> pretraining TFRecords."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import click

from bertbench.checkpoint.options import LOWER_CASE
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import notice, print_json, say
from bertbench.data.pretraining import MaskingOptions
from bertbench.errors import InputError
from bertbench.measure.machine import read_machine
from bertbench.options import Option, Pattern, Settings
from bertbench.output_folders import claimed


@dataclass(frozen=True)
class PrepareOptions(Settings):
    """The options of `bertbench prepare pretraining`."""

    data: Annotated[
        Pattern,
        Option(
            "Text files: comma-separated paths or glob patterns.",
            names=("--data", "--input-file"),
            group="data",
        ),
    ]
    vocab_file: Annotated[Path, Option("vocab.txt or tokenizer.json.", group="model")]
    do_lower_case: Annotated[bool | None, LOWER_CASE] = None
    masking: MaskingOptions = field(default_factory=MaskingOptions)
    seed: Annotated[
        int,
        Option(
            "Seed of masks and lengths.",
            names=("--seed", "--random-seed"),
            minimum=0,
            maximum=2**32 - 1,
            group="data",
        ),
    ] = 12345
    num_processes: Annotated[
        int | None,
        Option(
            "Number of processes; it does not change the output.",
            minimum=1,
            default_help="the number of usable cores",
        ),
    ] = None
    output_file: Annotated[Path | None, Option("TFRecord file to write.", group="output")] = None
    output_dir: Annotated[Path | None, Option("Folder for --num-shards TFRecord files.", group="output")] = (
        None
    )
    num_shards: Annotated[int, Option("Files to write.", minimum=1, group="output")] = 1


def prepare_pretraining(options: PrepareOptions) -> None:
    """Make TFRecords from text."""
    from bertbench.data.pretraining_files import write_pretraining_files
    from bertbench.data.tokenizer_files import tokenizer_of
    from bertbench.patterns import match_files

    output_files = name_output_files(options.output_file, options.output_dir, options.num_shards)
    input_files = match_files(options.data)
    tokenizer = tokenizer_of(options.vocab_file, options.do_lower_case).tokenizer
    with contextlib.nullcontext() if options.output_dir is None else claimed(options.output_dir):
        written = write_pretraining_files(
            input_files,
            output_files,
            tokenizer=tokenizer,
            options=options.masking,
            random_seed=options.seed,
            num_processes=options.num_processes or read_machine().usable_cores,
        )
    if written.documents == 1:
        notice("There is only one document: random next sentences are taken from it, too.")
    place = options.output_file or options.output_dir
    say(f"{written.examples} examples of {written.documents} documents in {place}")
    print_json(
        {"examples": written.examples, "documents": written.documents, "files": list(map(str, output_files))}
    )


command = click.Group("prepare", help="Turn data into the form that training reads.")
command.add_command(
    TypedCommand(
        "pretraining",
        prepare_pretraining,
        PrepareOptions,
        help="""Mask text for the masked-LM and next-sentence tasks, as the original script does.

        The text has one sentence per line and a blank line between documents.
        """,
    )
)


def name_output_files(output_file: Path | None, output_dir: Path | None, num_shards: int) -> list[Path]:
    """The files to write.

    Raises:
      InputError: both or neither output is given, shards have no folder, or the folder contains shards of
        a run with another number of shards, which a pattern would read together with the new ones.
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
