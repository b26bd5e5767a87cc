"""Runs a project's checks, for `bertbench check` and for pytest.

A score is compared with the baseline of the same model, data set and instruction set, of any checkpoint,
and in precisions other than fp32 with fp32, too. Throughput is compared with the newest baseline of the
same machine.
"""

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.benchmarking.report import describe_result
from bertbench.benchmarking.run import measure_workload
from bertbench.benchmarking.separate import measuring_process
from bertbench.benchmarking.workload import full_length_workload
from bertbench.compute import Compute
from bertbench.evaluation.items import Items
from bertbench.formatting import format_number, percent, signed, words
from bertbench.gate.case import Expectations, ScoredRun, judge_case
from bertbench.gate.result import EFFICIENCY, Verdict, VerdictKind
from bertbench.gate.rules import QUIETER, judge_measurements
from bertbench.gate.score_text import explain
from bertbench.measure.threads import ThreadSettings
from bertbench.precision import FP32, parse_precision
from bertbench.prediction import predict
from bertbench.prediction_settings import PredictionSettings
from bertbench.project import RECORD, THROUGHPUT, Project, ProjectCheck, ProjectModel, ThroughputRule
from bertbench.results.accuracy import AccuracyCase, Ruling
from bertbench.results.accuracy_baselines import read_baselines
from bertbench.results.baselines import find_newest_case
from bertbench.results.schema import THROUGHPUT_VERSION, ThroughputCase, parse_version
from bertbench.runtime import compute_for
from bertbench.tasks.table import TASKS, score_text, scored_unit

if TYPE_CHECKING:
    from bertbench.checkpoint.source import ModelSource
    from bertbench.tasks.base import Task

RECORDED = "recorded"
WARMUP_STEPS = 5
MORE_ROUNDS = "throughput.steps in bertbench.toml"
_RULINGS = {
    VerdictKind.OK: Ruling.PASS,
    VerdictKind.IMPROVEMENT: Ruling.PASS,
    VerdictKind.REGRESSION: Ruling.FAIL,
}


@dataclass(frozen=True)
class JudgedScore:
    """A judged score, with its values by item.

    Attributes:
      looks: the commands that show details, by what the score was compared with.
    """

    case: AccuracyCase
    items: Items
    looks: Mapping[str, str]
    recorded: bool

    @property
    def name(self) -> str:
        """The check's name."""
        return self.case.case

    @property
    def ruling(self) -> str:
        """`pass`, `fail`, `unclear` or `recorded`; a recorded case is compared with fp32 at most."""
        return RECORDED if self.recorded and not self.case.comparisons else str(self.case.verdict)

    @property
    def detail(self) -> str:
        """The score, and what it was compared with."""
        case = self.case
        parts = [f"{words(case.quantity)} {score_text(case.task, case.scores[case.quantity])}"]
        for made in case.comparisons:
            since = f" of {made.since}" if made.since else ""
            expected = "" if made.expected is None else f" {score_text(case.task, made.expected)}"
            judged = made.verdict != Ruling.NOT_JUDGED
            told = f": {explain(made, scored_unit(case.task))}" if judged else f" not judged: {made.note}"
            parts.append(f"{made.against}{since}{expected}{told}")
            if made.expected is None or not judged:
                parts[-1] += f"; record one: {case.command} {RECORD}"
        return "; ".join(parts)


@dataclass(frozen=True)
class JudgedSpeed:
    """A judged throughput.

    Attributes:
      figures: all measured values, as JSON values: a `ThroughputCase` and more.
      command: repeats the measurement.
    """

    verdict: Verdict
    figures: Mapping[str, Any]
    recorded: bool
    command: str

    @property
    def name(self) -> str:
        """The check's name."""
        return self.verdict.case

    @property
    def ruling(self) -> str:
        """`pass`, `fail`, `unclear` or `recorded`."""
        return RECORDED if self.recorded else str(_RULINGS.get(self.verdict.verdict, Ruling.UNCLEAR))

    @property
    def verdicts(self) -> list[Verdict]:
        """The gate's verdict, if there was a comparison."""
        return [] if self.recorded else [self.verdict]

    @property
    def detail(self) -> str:
        """The rate, and what its efficiency was compared with."""
        verdict = self.verdict
        rate = format_number(self.figures["examples_per_second"])
        text = f"{rate} examples/s, efficiency {percent(verdict.head)}"
        if verdict.base is None:
            remedy = "" if self.recorded else f"record one: {self.command} {RECORD}"
            return "; ".join(filter(None, (text, verdict.detail, remedy)))
        text += f"; baseline of {verdict.since} {percent(verdict.base)}"
        if verdict.change is not None and verdict.interval is not None and verdict.threshold is not None:
            low, high = verdict.interval
            text += (
                f": change {signed(100 * verdict.change, 1)} %, allowed drop {percent(verdict.threshold)}, "
                f"95 % interval {signed(100 * low, 1)} to {signed(100 * high, 1)} %"
            )
        return f"{text}, {verdict.detail}"


@dataclass
class ProjectChecks:
    """Judges the checks of a project; each model runs over its data once per precision.

    Attributes:
      threads: the threads of TensorFlow.
      recording: whether the results become the baselines, and so are not compared with any.
    """

    project: Project
    threads: ThreadSettings
    recording: bool = False
    _runs: dict[tuple[str, str], ScoredRun] = field(default_factory=dict)

    def judge(self, check: ProjectCheck) -> JudgedScore | JudgedSpeed:
        """Judge a check; raises as `judge_score` and `judge_speed` do."""
        rule = check.model.throughput
        return self.judge_speed(check, rule) if check.kind == THROUGHPUT and rule else self.judge_score(check)

    def judge_score(self, check: ProjectCheck) -> JudgedScore:
        """Judge a model's score in a precision.

        Raises:
          InputError: model, data or baselines cannot be used.
          CannotJudge: the data have no labels, or an output is not finite.
        """
        model = check.model
        drop = model.accuracy.max_drop if model.accuracy else None
        expected = Expectations(
            read_baselines(self.project.accuracy_baselines),
            tolerance=None if drop is None else drop * TASKS[model.task].point,
            recording=self.recording,
            any_checkpoint=True,
        )
        run = self._run(model, check.precision)
        fp32 = None if check.precision == FP32.name else self._run(model, FP32.name)
        case = judge_case(run, expected, fp32)
        looks = dict.fromkeys(("baseline", "published"), run.predict_command)
        if fp32 is not None:
            looks["fp32"] = f"{fp32.predict_command} && {run.predict_command}"
        case = dataclasses.replace(case, command=self._command(check))
        return JudgedScore(case, run.items, looks, self.recording)

    def judge_speed(self, check: ProjectCheck, rule: ThroughputRule) -> JudgedSpeed:
        """Measure a model's throughput in a precision, on examples of full length, and judge it.

        Raises:
          InputError: the model or a baseline cannot be used.
        """
        with measuring_process(self.threads, trains=False) as call:
            figures = call(_measure, check, rule, self.threads)
        command = self._command(check)
        head = parse_version(ThroughputCase, figures, check.name, THROUGHPUT_VERSION)
        storage = self.project.throughput_baselines
        base = None if self.recording else find_newest_case(storage, head.machine_id, check.name)
        if base is None:
            reason = _doubt_recording(head) if self.recording else "there is no baseline for this machine"
            verdict = Verdict(check.name, EFFICIENCY, VerdictKind.UNCLEAR, reason, head=head.efficiency)
            return JudgedSpeed(verdict, figures, self.recording, command)
        verdict = judge_measurements(base.case, head, rule.max_slowdown, MORE_ROUNDS)
        verdict = dataclasses.replace(verdict, case=check.name, since=base.since)
        return JudgedSpeed(verdict, figures, self.recording, command)

    def _command(self, check: ProjectCheck) -> str:
        """The command that repeats a check; it names the file if that is in another folder."""
        file = self.project.file
        place = () if file.resolve().parent == Path.cwd() else (str(file),)
        return shlex.join(["bertbench", "check", *place, "--only", check.kind, "-k", check.name])

    def _run(self, model: ProjectModel, precision: str) -> ScoredRun:
        key = model.name, precision
        if key not in self._runs:
            source, task = _open(model)
            settings = PredictionSettings(_compute(model, precision, source))
            prediction = predict(task, source, task.split, settings)
            name = ProjectCheck(model, precision, "accuracy").name
            self._runs[key] = ScoredRun(name, precision, task, source, prediction, model.arguments)
        return self._runs[key]


def without_result(check: ProjectCheck, reason: str) -> Verdict:
    """The verdict on a check that could not be run, for the report."""
    quantity = EFFICIENCY if check.kind == THROUGHPUT else "score"
    return Verdict(check.name, quantity, VerdictKind.UNCLEAR, reason)


def _doubt_recording(head: ThroughputCase) -> str:
    """What later checks will say of a recorded measurement that was disturbed; empty if it was not."""
    if not head.warnings:
        return ""
    return f"disturbed ({'; '.join(head.warnings)}), so checks against it will be unclear; {QUIETER}"


def _measure(check: ProjectCheck, rule: ThroughputRule, threads: ThreadSettings) -> Mapping[str, Any]:
    source, task = _open(check.model)
    compute = _compute(check.model, check.precision, source)
    case = BenchmarkCase(task, "inference", compute, check.model.name, source.config, rule.batch_size)
    workload = full_length_workload(case, rule.steps)
    result = measure_workload(case, workload, warmup_steps=WARMUP_STEPS, source=source)
    return describe_result(result, threads, startup=False)


def _open(model: ProjectModel) -> "tuple[ModelSource, Task]":
    source = model.options.find()
    kind = TASKS[model.task]
    return source, kind(model.settings, source.tokenizer() if kind.reads_text else None)


def _compute(model: ProjectModel, precision: str, source: "ModelSource") -> Compute:
    return compute_for(Compute(parse_precision(precision), model.kernels), source)
