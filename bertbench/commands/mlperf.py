"""`bertbench mlperf`: SQuAD in a scenario of MLPerf Inference, for performance and accuracy."""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from bertbench.checkpoint.options import ModelOptions
from bertbench.commands.options import ThreadOptions
from bertbench.commands.tasks import open_task, use_embedded_default
from bertbench.commands.typed_options import TypedCommand
from bertbench.compute import Compute
from bertbench.console import notice, print_json, say
from bertbench.errors import CannotJudge, GateFailed
from bertbench.files import make_directory, write_json, write_text
from bertbench.measure.machine import describe_machine
from bertbench.mlperf.loadgen import (
    ACCURACY,
    PERFORMANCE,
    LoadGen,
    read_logits,
    read_summary,
    require_loadgen,
)
from bertbench.mlperf.settings import SECONDS, SHORT_SECONDS, MlperfSettings
from bertbench.mlperf.submission import Submission
from bertbench.options import Option, Settings
from bertbench.output_folders import new_directory
from bertbench.precision import FP32
from bertbench.runtime import compute_for
from bertbench.tasks.squad import SquadSettings, SquadTask

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource
    from bertbench.mlperf.engine import WindowEngine
    from bertbench.mlperf.systems import Complete, System
    from bertbench.tasks.base import Task
    from bertbench.tasks.dataset import Dataset

_VALID = "VALID"


@dataclass(frozen=True)
class MlperfOptions(Settings):
    """The options of `bertbench mlperf`, except those of the task."""

    output_dir: Annotated[Path, Option("Output folder; must be new or empty.", group="output")]
    mlperf: MlperfSettings
    model: ModelOptions = field(default_factory=ModelOptions)
    compute: Compute = field(default_factory=Compute)
    threads: ThreadOptions = field(default_factory=ThreadOptions)

    @property
    def seconds(self) -> float:
        """The duration of the performance test."""
        usual = SECONDS if self.model.is_named else SHORT_SECONDS
        return self.mlperf.min_duration or usual


def run_mlperf(options: MlperfOptions, task_settings: SquadSettings) -> None:
    """Run a scenario."""
    require_loadgen()
    model, settings = use_embedded_default(SquadTask, options.model, task_settings)
    source = model.find()
    task = open_task(SquadTask, settings, source)
    task.require_data(task.split)
    compute = compute_for(options.compute, source)

    from bertbench.results.provenance import RESULTS_FILE, describe_origin
    from bertbench.results.seal import seal

    with new_directory(options.output_dir) as folder:
        options.threads.start(trains=False)
        facts = _run_tests(options, task, source, compute, folder)
        write_json(folder / RESULTS_FILE, seal({**describe_origin(), **facts}))
    notice(f"{options.output_dir}: LoadGen's logs, results and submission folder written")
    print_json(facts)
    _conclude(facts, options)


command = TypedCommand(
    "mlperf",
    run_mlperf,
    MlperfOptions,
    SquadSettings,
    command="predict",
    help="""Run SQuAD in a scenario of MLPerf Inference with its LoadGen.

    The performance test writes LoadGen's logs; the accuracy test compares F1 with that of fp32. Runs below
    600 seconds are marked as short. The folder `submission` has the layout of a submission.

    \b
    Example:
      bertbench mlperf --scenario Server --precision bf16 --model-dir M --data dev-v1.1.json \\
        --target-qps 20 --output-dir out
    """,
)


def _run_tests(
    options: MlperfOptions, task: "Task", source: "ModelSource", compute: Compute, folder: Path
) -> dict[str, Any]:
    from bertbench.inference import load_model
    from bertbench.mlperf.engine import WindowEngine
    from bertbench.tasks.fit import require_known_ids

    settings = options.mlperf
    dataset = task.read(task.split)
    require_known_ids(dataset, source.config)
    model = load_model(task, source, compute)
    engine = WindowEngine(model, dataset.features, task.max_seq_length, settings.batch_size)
    notice("compiling and measuring each shape")
    seconds = engine.warm_up()
    user_conf = folder / "user.conf"
    write_text(user_conf, settings.user_conf(options.seconds, engine.measure_rate(), seconds[1]))
    loadgen = LoadGen(settings.scenario, user_conf, len(dataset.features))
    facts: dict[str, Any] = {
        "scenario": settings.scenario,
        "precision": compute.precision.name,
        "short": options.seconds < SECONDS,
        "target": settings.target,
        "batch_seconds": seconds,
    }
    logs = {}
    for mode in settings.modes:
        notice(f"{settings.scenario}: {mode} test")
        logs[mode] = make_directory(folder / mode)
        loadgen.run(functools.partial(_make_system, settings, engine, seconds), mode, logs[mode])
    if PERFORMANCE in logs:
        facts["performance"] = read_summary(logs[PERFORMANCE])
    if ACCURACY in logs:
        facts["accuracy"] = _score(task, dataset, logs[ACCURACY])
        facts["fp32"] = _fp32_scores(task, source, options, dataset)
    _write_submission(options, folder, logs, user_conf, facts)
    return facts


def _make_system(
    settings: MlperfSettings, engine: "WindowEngine", seconds: dict[int, float], complete: "Complete"
) -> "System":
    from bertbench.mlperf.batching import BatchingRule
    from bertbench.mlperf.systems import Offline, Server, SingleStream

    if settings.scenario == "Server":
        return Server(engine, complete, BatchingRule(settings.target_latency / 1000, seconds))
    return {"Offline": Offline, "SingleStream": SingleStream}[settings.scenario](engine, complete)


def _score(task: "Task", dataset: "Dataset", log_dir: Path) -> dict[str, float]:
    """The scores of the logged logits."""
    lengths = dataset.features.lengths
    logits = read_logits(log_dir, len(lengths), (task.max_seq_length, 2))
    tokens = logits[np.arange(task.max_seq_length) < lengths[:, None]]
    return task.evaluate(dataset, {"start_logits": tokens[:, 0], "end_logits": tokens[:, 1]}).scores


def _fp32_scores(
    task: "Task", source: "ModelSource", options: MlperfOptions, dataset: "Dataset"
) -> dict[str, float]:
    """The scores of the same model in fp32, computed without LoadGen."""
    from bertbench.batch_planner import BatchPlanner
    from bertbench.inference import load_model, run_inference

    notice("fp32 for comparison")
    model = load_model(task, source, compute_for(Compute(FP32, options.compute.kernels), source))
    run = run_inference(
        model,
        dataset.features,
        BatchPlanner("bucketed", options.mlperf.batch_size, task.max_seq_length),
    )
    return task.evaluate(dataset, run.outputs).scores


def _write_submission(
    options: MlperfOptions, folder: Path, logs: dict[str, Path], user_conf: Path, facts: dict[str, Any]
) -> None:
    short = "This is a short run, not a valid submission. " if facts["short"] else ""
    submission = Submission(
        f"bert-{options.mlperf.target}",
        options.mlperf.scenario,
        facts["precision"],
        describe_machine(),
        f"{short}Made by bertbench mlperf: BERT on SQuAD, {facts['precision']}, TensorFlow.",
    )
    submission.write(folder / "submission", logs, user_conf, facts.get("accuracy", {}))


def _conclude(facts: dict[str, Any], options: MlperfOptions) -> None:
    """Print the results.

    Raises:
      GateFailed: F1 is below the target. CannotJudge: LoadGen reports a full-length run as invalid.
    """
    performance = facts.get("performance")
    if performance is not None:
        short = f" (short run of {options.seconds:g} s)" if facts["short"] else ""
        for name, value in list(performance.items())[:8]:
            say(f"{name}: {value}{short if name == 'Result is' else ''}")
    if "accuracy" in facts:
        f1, target = facts["accuracy"]["f1"], float(facts["target"]) / 100 * facts["fp32"]["f1"]
        told = f"F1 {f1:.3f} %, {facts['target']} % of fp32's {facts['fp32']['f1']:.3f} % is {target:.3f} %"
        if not f1 >= target:
            raise GateFailed(f"{told}.")
        say(f"pass: {told}")
    if performance is not None and performance.get("Result is") != _VALID and not facts["short"]:
        raise CannotJudge("LoadGen reports the performance run as INVALID; see mlperf_log_summary.txt.")
