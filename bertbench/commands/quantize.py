"""`bertbench quantize`: calibrate the scales of a trained model's int8 products on training data."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bertbench.checkpoint.options import LOWER_CASE
from bertbench.checkpoint.source import QUANTIZATION_FILE, ModelSource, find_model
from bertbench.commands.options import OUTPUT_DIR, ThreadOptions
from bertbench.commands.typed_options import TypedCommand
from bertbench.compute import KernelOptions
from bertbench.console import notice, print_json, say
from bertbench.errors import InputError
from bertbench.files import copy_file
from bertbench.formatting import percent
from bertbench.int8 import list_sites
from bertbench.options import Option, Settings
from bertbench.output_folders import staged_directory
from bertbench.quantization.sensitivity import LARGEST_ERROR

if TYPE_CHECKING:
    from bertbench.checkpoint.quantization import Quantization

# The files of a model folder that are read in addition to its checkpoint.
_PARTS = (
    "bert_config.json",
    "config.json",
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "checkpoint",
)


@dataclass(frozen=True)
class QuantizeOptions(Settings):
    """The options of `bertbench quantize`."""

    model_dir: Annotated[Path, Option("Folder of a trained model.", group="model")]
    calibration_file: Annotated[
        Path,
        Option("Training data: a SQuAD file, train.tsv in a GLUE task's folder, or TFRecords.", group="data"),
    ]
    output_dir: Annotated[Path, OUTPUT_DIR]
    max_output_error: Annotated[
        float,
        Option(
            "Largest error of the outputs, in % of their spread; above it, products stay in floats.",
            minimum=0,
            exclusive=True,
            group="computing",
        ),
    ] = 100 * LARGEST_ERROR
    do_lower_case: Annotated[bool | None, LOWER_CASE] = None
    kernels: KernelOptions = field(default_factory=KernelOptions)
    threads: ThreadOptions = field(default_factory=ThreadOptions)


def quantize_model(options: QuantizeOptions) -> None:
    """Calibrate a model, and write it and its scales."""
    file = options.calibration_file
    if not file.is_file():
        raise InputError(f"{file}: no such file; give a file of training data as --calibration-file.")
    source = find_model(options.model_dir, do_lower_case=options.do_lower_case)
    options.threads.start(trains=True)  # weights change from trial to trial

    from bertbench.checkpoint.quantization import write_quantization
    from bertbench.quantization.quantize import quantize
    from bertbench.tasks.fit import open_data, require_known_ids, require_length

    task, dataset = open_data(source, file, lambda kind, outputs: kind.calibration_for(file, outputs))
    require_length(task, source.config)
    require_known_ids(dataset, source.config)
    with staged_directory(options.output_dir, last=QUANTIZATION_FILE) as staging:
        limit = options.max_output_error / 100
        made = quantize(task, source, options.kernels.for_model(source.config), dataset, limit)
        if options.output_dir.resolve() != options.model_dir.resolve():
            _copy_model(options.model_dir, source, staging)
        write_quantization(staging / QUANTIZATION_FILE, made)
    _print(made, source)
    print_json(
        {
            "output_dir": str(options.output_dir),
            "output_error": made.output_error,
            "calibration": dataclasses.asdict(made.calibration),
            "int8": [site.site for site in made.int8],
            "left_in_floats": [dataclasses.asdict(site) for site in made.left],
        }
    )
    notice(f"{options.output_dir}: model and {QUANTIZATION_FILE} written")


command = TypedCommand(
    "quantize",
    quantize_model,
    QuantizeOptions,
    help="""Calibrate a trained model for int8, and write it to a folder for --precision int8.

    The scales are calibrated on examples of its training data; give none that it will be judged on. Products
    that cost too much accuracy in int8 stay in floats and are listed.

    \b
    Example:
      bertbench quantize --model-dir M --calibration-file train-v1.1.json --output-dir Q
      bertbench predict squad --model-dir Q --precision int8 --data dev-v1.1.json --output-dir out
    """,
)


def _copy_model(model_dir: Path, source: ModelSource, target: Path) -> None:
    from bertbench.checkpoint.paths import checkpoint_files

    parts = [model_dir / name for name in _PARTS]
    for file in (*filter(Path.is_file, parts), *checkpoint_files(source.required_checkpoint)):
        copy_file(file, target / file.name)


def _print(made: "Quantization", source: ModelSource) -> None:
    """Print which products are in int8 and which are not, with the cost."""
    from bertbench.tables import make_table, print_table

    weights = {site.name: site.weights for site in list_sites(source.config)}
    everything = sum(weights.values())
    say(
        f"int8: the products of {len(made.int8)} of {len(weights)} inputs; error of the model's outputs "
        f"{percent(made.output_error)}; calibrated on {made.calibration.examples} examples"
    )
    if not made.left:
        return
    rows = [
        (site.site, percent(site.output_error), percent(weights[site.site] / everything))
        for site in made.left
    ]
    columns = ("left in floats", "output error with only this input in int8", "share of work")
    print_table(make_table("Products that int8 would cost too much", columns, rows))
    share = percent(sum(weights[site.site] for site in made.left) / everything)
    say(
        f"cost: {share} of the products' work stays in floats, which adds as much time if int8 is twice "
        "as fast"
    )
