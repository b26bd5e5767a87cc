"""`bertbench benchmark`: throughput of one model against the machine's limit, or its profile."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bertbench.checkpoint.options import ModelOptions
from bertbench.commands.options import OUTPUT_DIR, ThreadOptions
from bertbench.commands.tasks import TaskGroup, fill, open_task
from bertbench.compute import Compute
from bertbench.config import GEOMETRIES
from bertbench.console import notice
from bertbench.data.batching import DEFAULT_STRATEGY, Batching
from bertbench.errors import InputError
from bertbench.files import make_directory
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import default_threads
from bertbench.options import Option, Settings
from bertbench.precision import require_trainable
from bertbench.runtime import compute_for
from bertbench.tasks.base import Task, TaskSettings
from bertbench.tasks.fit import require_known_ids

if TYPE_CHECKING:
    from bertbench.benchmarking.case import BenchmarkCase
    from bertbench.benchmarking.workload import Workload
    from bertbench.checkpoint.source import ModelSource
    from bertbench.measure.threads import ThreadSettings
    from bertbench.tasks.dataset import Dataset

MODES = ("inference", "training")


@dataclass(frozen=True)
class BenchmarkOptions(Settings):
    """The options of `bertbench benchmark` for every task."""

    config: Annotated[
        str | None,
        Option("A named geometry, with random weights.", choices=tuple(GEOMETRIES), group="model"),
    ] = None
    model: ModelOptions = field(default_factory=ModelOptions)
    mode: Annotated[str, Option("Forward passes, or training steps.", choices=MODES)] = "inference"
    compute: Compute = field(default_factory=Compute)
    batch_size: Annotated[int, Option("Rows per batch; in training, examples per step.", minimum=1)] = 32
    batching: Batching = DEFAULT_STRATEGY
    steps: Annotated[
        int, Option("Batches to measure; with a data set, as many batches of its examples.", minimum=1)
    ] = 30
    streams: Annotated[
        int, Option("Batches that run at once in threads with shared weights; inference only.", minimum=1)
    ] = 1
    warmup_steps: Annotated[int, Option("Batches to run before the measured ones.", minimum=0)] = 10
    threads: ThreadOptions = field(default_factory=ThreadOptions)
    output_dir: Annotated[Path | None, OUTPUT_DIR] = None
    profile: Annotated[
        bool, Option("Only trace some steps and report how their time is spent.", group="output", switch=True)
    ] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.streams > 1 and self.mode != "inference":
            raise InputError(f"--streams {self.streams}: is for inference only; remove it for {self.mode}.")

    @property
    def profile_dir(self) -> Path | None:
        """The folder of the profile, if one was requested.

        Raises:
          InputError: no folder is given, or it cannot be used.
        """
        if self.profile and self.output_dir is None:
            raise InputError("--profile writes a trace; give a folder for it with --output-dir.")
        return self.output_dir if self.profile else None


def benchmark_task(kind: type[Task], options: BenchmarkOptions, settings: TaskSettings) -> None:
    """Measure or profile a task."""
    if options.mode == "training":
        require_trainable(options.compute.precision)
    profile_dir = options.profile_dir
    settings, _ = fill(settings, kind.benchmark_defaults)
    geometry, source = _find_model(options)
    task = open_task(kind, settings, source) if settings.has_data else kind(settings)
    compute = compute_for(options.compute, source)
    default = default_threads(read_machine()).shared_by(options.streams)
    threads = options.threads.start(default, trains=options.mode == "training")
    if source.checkpoint is None:
        notice("no checkpoint given: the weights are random.")

    from bertbench.benchmarking.case import BenchmarkCase

    case = BenchmarkCase(
        task,
        options.mode,
        compute,
        geometry,
        source.config,
        options.batch_size,
        options.batching,
        options.streams,
    )
    workload = _make_workload(case, options)
    if options.output_dir is not None:
        make_directory(options.output_dir)  # an unusable output folder is reported before measuring
    if profile_dir is not None:
        from bertbench.benchmarking.profile import profile_case

        profile_case(case, workload, source, profile_dir, warmup_steps=options.warmup_steps)
    else:
        _measure(case, workload, source, threads, options)


command = TaskGroup(
    "benchmark",
    benchmark_task,
    BenchmarkOptions,
    help="""Measure examples/s and tokens/s, and the share of this machine's peak rate of matrix products.

    Without a data set, examples are random and of full length. Weights are random without --model-dir.
    """,
)


def _find_model(options: BenchmarkOptions) -> tuple[str, "ModelSource"]:
    """The name of the geometry and the model: a named geometry with random weights, or a model on disk."""
    from bertbench.checkpoint.source import ModelSource
    from bertbench.data.tokenizer_files import find_tokenizer

    model = options.model
    on_disk = model.model_dir or model.config_file
    if options.config is not None and on_disk is None:
        tokenizer_files = find_tokenizer(None, model.vocab_file, model.do_lower_case)
        config = GEOMETRIES[options.config]
        return options.config, ModelSource(config, tokenizer_files, model.init_checkpoint)
    if options.config is None and on_disk is not None:
        name = on_disk.resolve().name.removesuffix(".json")
        return name, model.find(from_scratch=model.model_dir is None)
    raise InputError("give a named geometry with --config, or a model with --model-dir; not both.")


def _make_workload(case: "BenchmarkCase", options: BenchmarkOptions) -> "Workload":
    from bertbench.benchmarking.workload import data_workload, full_length_workload

    if not case.task.settings.has_data:
        return full_length_workload(case, options.steps)
    start = time.perf_counter()
    dataset = case.task.read("dev")
    seconds = time.perf_counter() - start
    require_known_ids(dataset, case.config)
    if options.output_dir is not None:
        _write_lengths(case, dataset, options.output_dir)
    return data_workload(case, dataset.features, seconds, options.steps)


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
    options: BenchmarkOptions,
) -> None:
    from bertbench.benchmarking.report import describe_result, result_table
    from bertbench.benchmarking.run import measure_workload
    from bertbench.console import print_json, say
    from bertbench.files import write_json
    from bertbench.results.provenance import RESULTS_FILE, describe_origin
    from bertbench.results.seal import seal
    from bertbench.tables import print_table

    result = measure_workload(case, workload, warmup_steps=options.warmup_steps, source=source)
    print_table(result_table(result, threads))
    report = describe_origin() | describe_result(result, threads)
    if options.output_dir is not None:
        write_json(options.output_dir / RESULTS_FILE, seal(report))
        notice(f"{options.output_dir / RESULTS_FILE}: results written")
    say(f"Throughput: {result.examples_per_second:.2f} examples/s")
    print_json(report)
