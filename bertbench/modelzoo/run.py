"""Runs a plan: starts its processes on their cores, and prints and logs every line."""

import functools
import itertools
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bertbench import console
from bertbench.files import make_directory, write_json
from bertbench.measure.machine import describe_machine
from bertbench.modelzoo.log import RunLog
from bertbench.modelzoo.resolve import Instance, LaunchPlan
from bertbench.processes.groups import Processes, output_lines, package_environment, shell_status
from bertbench.processes.placement import bound

_THROUGHPUT = re.compile(r"Throughput: ([0-9.]+)")


def run_plan(plan: LaunchPlan) -> int:
    """Run all instances until they end; return the first exit status that is not 0."""
    with RunLog(plan.output_dir, plan.name) as log:
        log.line(f"Log and results: {log.path.parent}")
        for notice in plan.notices:
            log.line(notice)
        verbose = bool(plan.configuration["verbose"])
        log.facts("Configuration", plan.configuration, shown=verbose)
        log.facts("Machine and versions", describe_machine(), shown=verbose)
        processes = Processes()
        with processes.ended_on_signals():
            run = _run_instances if len(plan.instances) > 1 else _run_single
            status = run(plan, log, processes)
        batch_size = plan.configuration.get("batch_size")
        log.line(f"Ran {plan.configuration['mode']} with batch size {batch_size}; exit status {status}.")
        log.line(f"Log file: {log.path}")
    return status


def show_plan(plan: LaunchPlan) -> None:
    """Print a plan, for --dry-run."""
    console.say(f"{plan.name}: {plan.task}, {plan.action}")
    console.say(f"Log and results: {plan.output_dir}")
    for name, value in plan.configuration.items():
        if value is not None:
            console.say(f"    {name}: {value}")
    for instance in plan.instances:
        cores = ",".join(map(str, instance.placement.cores))
        console.say(f"On cores {cores}:" if cores else "Run:")
        console.say(f"    bertbench {shlex.join(instance.command)}")
    for notice in plan.notices:
        console.notice(notice)


def _run_single(plan: LaunchPlan, log: RunLog, processes: Processes) -> int:
    (instance,) = plan.instances
    log.line(f"bertbench {shlex.join(instance.command)}")
    process = _start(instance, processes)
    for line in _lines(process):
        log.line(line)
    return shell_status(process)


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """The output of a process; its throughput is repeated in the form that the model zoo's scripts parse."""
    for line in output_lines(process):
        yield line
        if match := _THROUGHPUT.match(line):
            yield f"Total throughput (examples/sec): {match[1]}"


@dataclass
class _Outcome:
    status: int = 0
    throughput: float | None = None
    lines: list[str] = field(default_factory=list)


def _run_instances(plan: LaunchPlan, log: RunLog, processes: Processes) -> int:
    """Run all at once; logs are named as in the model zoo's multi-instance runs."""
    follow = functools.partial(_follow, log=log, processes=processes)
    threads = ThreadPoolExecutor(len(plan.instances))
    try:
        outcomes = list(threads.map(follow, itertools.count(), plan.instances))
    finally:
        threads.shutdown(wait=False)  # after a signal the instances must end first
    _write_instance_logs(plan, outcomes)
    failed = [number for number, outcome in enumerate(outcomes) if outcome.status]
    if failed:
        log.line(f"Failed: instance {', '.join(map(str, failed))}.")
    measured = [outcome.throughput for outcome in outcomes if outcome.throughput is not None]
    if measured and not failed:
        from bertbench.results.provenance import RESULTS_FILE, describe_origin
        from bertbench.results.seal import seal

        log.line(f"Throughput of {len(measured)} instances together: {sum(measured):.2f} examples/s")
        summary = {"examples_per_second": sum(measured), "instances": measured}
        write_json(plan.output_dir / RESULTS_FILE, seal(describe_origin() | summary))
    return outcomes[failed[0]].status if failed else 0


def _follow(number: int, instance: Instance, log: RunLog, processes: Processes) -> _Outcome:
    outcome = _Outcome()
    process = _start(instance, processes)
    _note(f"bertbench {shlex.join(instance.command)}", number, outcome, log)
    for line in _lines(process):
        _note(line, number, outcome, log)
    outcome.status = shell_status(process)
    return outcome


def _note(line: str, number: int, outcome: _Outcome, log: RunLog) -> None:
    outcome.lines.append(line)
    if match := _THROUGHPUT.match(line):
        outcome.throughput = float(match[1])
    log.line(f"[{number}] {line}")


def _write_instance_logs(plan: LaunchPlan, outcomes: list[_Outcome]) -> None:
    values = plan.configuration
    cores = values.get("numa_cores_per_instance") or len(plan.instances[0].placement.cores)
    stem = (
        f"{values['model_name']}_{values['precision']}_{values['mode']}_bs{values['batch_size']}_cores{cores}"
    )
    for number, outcome in enumerate(outcomes):
        text = "\n".join(outcome.lines) + "\n"
        for name, mode in ((f"instance{number}", "w"), ("all_instances", "a")):
            place = plan.output_dir / f"{stem}_{name}.log"
            with place.open(mode, encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)


def _start(instance: Instance, processes: Processes) -> subprocess.Popen[str]:
    """Start `bertbench` on the cores of the instance."""
    make_directory(instance.output_dir)
    with bound(instance.placement) as prefix:
        command = [*prefix, sys.executable, "-m", "bertbench", *instance.command]
        return processes.start(command, os.environ | package_environment())
