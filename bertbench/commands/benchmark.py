"""`bertbench benchmark`: throughput of one model beside the machine's limit, or a profile of it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bertbench.commands.options import (
    PATH,
    kernel_options,
    model_options,
    pop_compute,
    pop_model_options,
    precision_option,
    thread_options,
    together,
)
from bertbench.commands.tasks import pop_classifier_task, pop_pretraining_task
from bertbench.console import notice
from bertbench.data.batching import DEFAULT_STRATEGY, STRATEGIES
from bertbench.errors import InputError
from bertbench.files import make_directory
from bertbench.runtime import start_tensorflow

if TYPE_CHECKING:
    from bertbench.benchmarking.case import BenchmarkCase
    from bertbench.benchmarking.workload import Workload
    from bertbench.checkpoint.source import ModelSource
    from bertbench.measure.threads import ThreadSettings
    from bertbench.tasks.base import Dataset, Task

MakeTask = Callable[["ModelSource"], "Task"]

_OPTIONS = (
    click.option("--config", "geometry", metavar="NAME",
                 help="tiny, bert-base or bert-large, with random weights."),
    model_options,
    click.option("--mode", type=click.Choice(("inference", "training")), default="inference",
                 show_default=True),
    precision_option,
    kernel_options,
    click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True),
    click.option(
        "--batching",
        type=click.Choice(STRATEGIES),
        default=DEFAULT_STRATEGY,
        show_default=True,
        help="How examples of unequal length share a batch; made-up ones are all of full length.",
    ),
    click.option("--steps", type=click.IntRange(min=1), default=30, show_default=True,
                 help="Batches to measure; of a data set, batches' worth of examples."),
    click.option("--warmup-steps", type=click.IntRange(min=0), default=10, show_default=True),
    thread_options,
    click.option("--output-dir", type=PATH, help="Folder for results.json, or for the profile."),
    click.option("--profile", is_flag=True,
                 help="Only trace some steps and say where their time goes."),
)  # fmt: skip


@click.group()
def command() -> None:
    """Measure examples/s and tokens/s, and the share of what this machine's matrix products could give.

    Without a data set, examples are random and of full length. Weights are random without --model-dir.
    """


def _benchmark_command(function: Callable[..., Any]) -> Callable[..., Any]:
    return command.command()(together(*_OPTIONS)(function))


@_benchmark_command
@click.option("--predict-file", type=PATH, help="SQuAD v1.1 file: measure its lengths, features included.")
@click.option("--max-seq-length", type=click.IntRange(min=8), default=384, show_default=True)
@click.option("--doc-stride", type=int, default=128, show_default=True)
@click.option("--max-query-length", type=int, default=64, show_default=True)
def squad(
    predict_file: Path | None, max_seq_length: int, doc_stride: int, max_query_length: int, **values: Any
) -> None:
    """Measure span answers.

    \b
    Examples:
      bertbench benchmark squad --config bert-large --precision bf16 --batch-size 8
      bertbench benchmark squad --model-dir M --predict-file dev-v1.1.json --output-dir out
    """

    def make_task(source: "ModelSource") -> "Task":
        from bertbench.data.squad_windows import WindowSettings
        from bertbench.tasks.squad import SquadTask

        windows = WindowSettings(max_seq_length, doc_stride, max_query_length)
        return SquadTask(source.tokenizer(), predict_file=predict_file, windows=windows)

    _benchmark("squad", make_task if predict_file else None, max_seq_length, values)


@_benchmark_command
@click.option("--task-name", default="MRPC", show_default=True, help="A GLUE task or XNLI.")
@click.option("--data-dir", type=PATH, help="The task's folder: measure its dev set's lengths.")
@click.option("--max-seq-length", type=click.IntRange(min=8), default=128, show_default=True)
@click.option("--language", default="zh", show_default=True, help="Which of XNLI's languages.")
def classifier(
    task_name: str, data_dir: Path | None, max_seq_length: int, language: str, **values: Any
) -> None:
    """Measure classification.

    \b
    Example:
      bertbench benchmark classifier --config bert-base --mode training --precision bf16
    """
    from bertbench.data.glue_tasks import glue_task

    def make_task(source: "ModelSource") -> "Task":
        given = {
            "task_name": task_name,
            "data_dir": data_dir,
            "max_seq_length": max_seq_length,
            "language": language,
        }
        return pop_classifier_task(source, given)

    made = make_task if data_dir else None
    _benchmark("classifier", made, max_seq_length, values, num_labels=glue_task(task_name).num_outputs)


@_benchmark_command
@click.option("--input-file", help="TFRecords: paths or globs between commas; measure their lengths.")
@click.option("--max-seq-length", type=click.IntRange(min=8), help="[default: the files', else 128]")
@click.option("--max-predictions-per-seq", type=click.IntRange(min=1), help="[default: the files', else 20]")
def pretraining(
    input_file: str | None, max_seq_length: int | None, max_predictions_per_seq: int | None, **values: Any
) -> None:
    """Measure masked words and next sentences.

    \b
    Example:
      bertbench benchmark pretraining --config bert-large --mode training --max-seq-length 512
    """

    def make_task(source: "ModelSource") -> "Task":
        names = ("input_file", "max_seq_length", "max_predictions_per_seq")
        given = (input_file, max_seq_length, max_predictions_per_seq)
        return pop_pretraining_task(source, dict(zip(names, given, strict=True)))

    made = make_task if input_file else None
    length, masked = max_seq_length or 128, max_predictions_per_seq or 20
    _benchmark("pretraining", made, length, values, masked_per_example=masked)


def _benchmark(
    task_name: str,
    make_task: MakeTask | None,
    max_seq_length: int,
    values: dict[str, Any],
    **sizes: int,
) -> None:
    _check_arguments(values)
    threads = start_tensorflow(
        values["num_intra_threads"], values["num_inter_threads"], trains=values["mode"] == "training"
    )

    from bertbench.benchmarking.case import BenchmarkCase

    geometry, source = _find_model(values.pop("geometry"), pop_model_options(values))
    if source.checkpoint is None:
        notice("no checkpoint given: the weights are random.")
    task = make_task(source) if make_task else None
    case = BenchmarkCase(
        task=task_name,
        mode=values["mode"],
        compute=pop_compute(values, source.config),
        geometry=geometry,
        config=source.config,
        batch_size=values["batch_size"],
        max_seq_length=task.max_seq_length if task else max_seq_length,
        batching=values["batching"],
        **sizes,
    )
    workload = _make_workload(case, task, values)
    if values["output_dir"] is not None:
        make_directory(values["output_dir"])  # an output place that will not do is told before measuring
    if values["profile"]:
        _profile(case, workload, source, values)
    else:
        _measure(case, workload, source, threads, values)


def _check_arguments(values: dict[str, Any]) -> None:
    """Refuse at once what needs no TensorFlow to be refused."""
    from bertbench.config import GEOMETRIES

    geometry, on_disk = values["geometry"], values["model_dir"] or values["config_file"]
    if (geometry is None) == (on_disk is None):
        raise InputError("give a named geometry with --config, or a model with --model-dir; not both.")
    if geometry is not None and geometry not in GEOMETRIES:
        raise InputError(f"--config {geometry}: unknown; choose one of {', '.join(GEOMETRIES)}.")
    if values["profile"] and values["output_dir"] is None:
        raise InputError("--profile writes a trace; give a folder for it with --output-dir.")


def _find_model(geometry: str | None, model: dict[str, Any]) -> tuple[str, "ModelSource"]:
    """The geometry's name and the model: a named one with random weights, or one on disk."""
    from bertbench.checkpoint.source import ModelSource, find_model
    from bertbench.config import GEOMETRIES
    from bertbench.data.tokenizer_files import find_tokenizer

    if geometry is not None:
        tokenizer_files = find_tokenizer(None, model["vocab_file"], model["do_lower_case"])
        return geometry, ModelSource(GEOMETRIES[geometry], tokenizer_files, model["init_checkpoint"])
    place = Path(model["model_dir"] or model["config_file"]).resolve()
    return place.name.removesuffix(".json"), find_model(**model, from_scratch=model["model_dir"] is None)


def _make_workload(case: "BenchmarkCase", task: "Task | None", values: dict[str, Any]) -> "Workload":
    from bertbench.benchmarking.workload import data_workload, full_length_workload

    if task is None:
        return full_length_workload(case, values["steps"])
    start = time.perf_counter()
    dataset = task.read("dev")
    seconds = time.perf_counter() - start
    if values["output_dir"] is not None:
        _write_lengths(case, dataset, values["output_dir"])
    return data_workload(case, dataset.features, seconds, values["steps"])


def _write_lengths(case: "BenchmarkCase", dataset: "Dataset", output_dir: Path) -> None:
    from bertbench.benchmarking.lengths import describe_lengths
    from bertbench.results.provenance import command_line
    from bertbench.results.schema import LENGTHS_FILE, write_result

    lengths = describe_lengths(
        dataset.files[0].path.name,
        dataset.features.lengths,
        batch_size=case.batch_size,
        max_seq_length=case.max_seq_length,
        command=command_line(),
    )
    write_result(output_dir / LENGTHS_FILE, lengths)


def _measure(
    case: "BenchmarkCase",
    workload: "Workload",
    source: "ModelSource",
    threads: "ThreadSettings",
    values: dict[str, Any],
) -> None:
    from bertbench.benchmarking.report import describe_result, result_table
    from bertbench.benchmarking.run import run_benchmark
    from bertbench.console import print_table, say
    from bertbench.files import write_json
    from bertbench.results.provenance import RESULTS_FILE, describe_origin

    result = run_benchmark(case, workload, warmup_steps=values["warmup_steps"], source=source)
    print_table(result_table(result, threads))
    if values["output_dir"] is not None:
        report = describe_origin() | describe_result(result, threads)
        write_json(values["output_dir"] / RESULTS_FILE, report)
    say(f"Throughput: {result.examples_per_second:.2f}")


def _profile(
    case: "BenchmarkCase", workload: "Workload", source: "ModelSource", values: dict[str, Any]
) -> None:
    from bertbench.benchmarking.profile import profile_case

    profile_case(case, workload, source, values["output_dir"], warmup_steps=values["warmup_steps"])
