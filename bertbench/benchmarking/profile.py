"""A profile of some steps: the trace in two forms, and two tables."""

import dataclasses
import functools
from pathlib import Path

from rich.table import Table

from bertbench.benchmarking.case import BenchmarkCase
from bertbench.benchmarking.timed_call import build_model, make_timed_call
from bertbench.benchmarking.workload import Workload
from bertbench.checkpoint.source import ModelSource
from bertbench.console import print_json, progress, say
from bertbench.formatting import format_number, percent
from bertbench.measure.machine import read_machine
from bertbench.measure.profiling import (
    KERNEL_CLASSES,
    Profile,
    read_profile,
    record_trace,
    write_chrome_trace,
)
from bertbench.tables import make_table, print_table

TRACED_STEPS = 3
MOST_ROWS = 25


def profile_case(
    case: BenchmarkCase,
    workload: Workload,
    source: ModelSource | None,
    output_dir: Path,
    *,
    warmup_steps: int,
) -> Profile:
    """Trace a few batches, evenly spread over the workload, after a warm-up with the same ones.

    Writes the trace to `output_dir`, and prints its path and the time by kernel and operation.
    """
    call = make_timed_call(case, build_model(case, source))
    count = len(workload.batches)
    traced = [workload.batches[index * count // TRACED_STEPS] for index in range(TRACED_STEPS)]
    with progress(f"warm up {case.name}", max(warmup_steps, TRACED_STEPS), "batches") as advance:
        for number in range(max(warmup_steps, TRACED_STEPS)):
            call(traced[number % TRACED_STEPS])
            advance()
    trace = record_trace([functools.partial(call, batch) for batch in traced], output_dir)
    chrome = write_chrome_trace(trace)
    profile = read_profile(trace)
    print_table(class_table(profile, case.name))
    print_table(op_table(profile))
    say(f"TensorBoard (with its profile plugin): tensorboard --logdir {output_dir}")
    say(f"chrome://tracing or ui.perfetto.dev: {chrome}")
    print_json({"case": case.name, "trace": str(chrome), **dataclasses.asdict(profile)})
    return profile


def class_table(profile: Profile, title: str) -> Table:
    """Time by kernel class, and the time between operations.

    If operations run at the same time, the sum of their times may exceed the time of the step.
    """
    rows = []
    for name in KERNEL_CLASSES:
        ops = [op for op in profile.ops if op.kernel_class == name]
        if ops:
            rows.append(_row(profile, name, sum(op.seconds for op in ops), sum(op.calls for op in ops)))
    between = profile.step_seconds - sum(op.seconds for op in profile.ops)
    rows.append(_row(profile, "between operations", max(0.0, between), None))
    rows.append(_row(profile, "step", profile.step_seconds, None))
    return make_table(
        f"{title}: time by kernel class, matrix products in {read_machine().products}",
        ("class", "ms per step", "share", "calls per step"),
        rows,
    )


def op_table(profile: Profile) -> Table:
    """Time by operation, longest first."""
    rows = [(*_row(profile, op.op, op.seconds, op.calls), op.kernel_class) for op in profile.ops[:MOST_ROWS]]
    return make_table(
        "time by operation", ("operation", "ms per step", "share", "calls per step", "class"), rows
    )


def _row(profile: Profile, name: str, seconds: float, calls: int | None) -> tuple[str, str, str, str]:
    steps = max(1, profile.steps)
    share = seconds / profile.step_seconds if profile.step_seconds else 0.0
    made = "" if calls is None else format_number(calls / steps, 3)
    return name, format_number(1000 * seconds / steps), percent(share), made
