"""`bertbench export`: write a model as a SavedModel or an ONNX file, after comparing its logits."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np

from bertbench.checkpoint.options import ModelOptions
from bertbench.commands.options import ThreadOptions
from bertbench.commands.tasks import TaskGroup, open_task, use_embedded_default
from bertbench.compute import Compute
from bertbench.console import notice, print_json
from bertbench.errors import InputError
from bertbench.options import Option, Settings
from bertbench.output_folders import new_directory
from bertbench.precision import INT8
from bertbench.runtime import compute_for
from bertbench.tasks.base import Task, TaskSettings
from bertbench.tasks.fit import require_length

if TYPE_CHECKING:
    from bertbench.config import ModelConfig
    from bertbench.data.features import Features

SAVED_MODEL, ONNX = "saved-model", "onnx"
_COMPARED = 16  # examples
_SEED = 5


@dataclass(frozen=True)
class ExportOptions(Settings):
    """The options of `bertbench export` that all tasks share."""

    format: Annotated[
        str, Option("Format of the exported model.", choices=(SAVED_MODEL, ONNX), group="output")
    ]
    output_dir: Annotated[Path, Option("Output folder; must be new or empty.", group="output")]
    model: ModelOptions = field(default_factory=ModelOptions)
    compute: Compute = field(default_factory=Compute)
    threads: ThreadOptions = field(default_factory=ThreadOptions)


def export_task(kind: type[Task], options: ExportOptions, settings: TaskSettings) -> None:
    """Export a task's model; bad input is refused before TensorFlow starts where possible."""
    from bertbench.export.onnx_model import require_packages

    if options.compute.precision == INT8:
        raise InputError(f"precision {INT8} cannot be exported; use fp32 or bf16.")
    if options.format == ONNX:
        require_packages()
    model, settings = use_embedded_default(kind, options.model, settings)
    source = model.find()
    task = open_task(kind, settings, source) if settings.has_data else kind(settings)
    require_length(task, source.config)
    compute = compute_for(options.compute, source)
    with new_directory(options.output_dir) as folder:
        options.threads.start(trains=False)
        features = _compared_examples(task, source.config)

        from bertbench.export.check import own_outputs, require_agreement
        from bertbench.export.dense import DenseModel
        from bertbench.export.inputs import dense_inputs
        from bertbench.inference import load_model

        loaded = load_model(task, source, compute)
        dense = DenseModel(loaded)
        inputs = dense_inputs(features, dense.input_names)
        if options.format == ONNX:
            from bertbench.export.onnx_model import run_onnx_model, write_onnx_model

            write_onnx_model(folder, loaded)
            exported = run_onnx_model(folder, inputs)
        else:
            from bertbench.export.saved_model import run_saved_model, write_saved_model

            write_saved_model(folder, dense)
            exported = run_saved_model(folder, inputs)
        agreement = require_agreement(
            own_outputs(loaded, features), exported, inputs["input_mask"], compute.precision.name
        )
    notice(
        f"{options.output_dir}: {task.name} in {compute.precision} as {options.format}; {agreement.logits:,} "
        f"logits of {len(features)} examples differ by at most {agreement.difference:.2g}; the largest "
        f"is {agreement.magnitude:.3g}"
    )
    print_json(
        {"output_dir": str(options.output_dir), "format": options.format, **dataclasses.asdict(agreement)}
    )


command = TaskGroup(
    "export",
    export_task,
    ExportOptions,
    help="""Write a model for other programs: a TensorFlow SavedModel, or ONNX.

    Its logits are compared with the model's own before anything is written, on the first examples of the
    data, or on random ones without data.
    """,
)


def _compared_examples(task: Task, config: "ModelConfig") -> "Features":
    """The first examples of the data or, without data, random ones of all lengths with random labels."""
    from bertbench.data.features import Features
    from bertbench.tasks.fit import require_known_ids

    if task.settings.has_data:
        dataset = task.read(task.split)
        require_known_ids(dataset, config)
        return dataset.features.first(_COMPARED)
    random = np.random.default_rng(_SEED)
    shortest = min(task.max_seq_length, 32)
    lengths = np.linspace(shortest, task.max_seq_length, _COMPARED).astype(int)
    rows = [random.integers(0, config.vocab_size, length) for length in lengths]
    second = min(1, config.type_vocab_size - 1)
    segments = [second * (np.arange(length) > length // 2) for length in lengths]
    return Features.from_rows(rows, segments, task.random_labels(config, lengths, random))
