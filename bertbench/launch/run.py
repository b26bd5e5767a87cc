"""Running a plan: its processes, started in their places, every line printed and logged."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bertbench import console
from bertbench.files import make_directory, write_json
from bertbench.launch.instances import bound
from bertbench.launch.log import RunLog
from bertbench.launch.resolve import Instance, LaunchPlan
from bertbench.measure.machine import describe_machine

PACKAGE_PARENT = Path(__file__).resolve().parents[2]
SECONDS_TO_END = 10
_THROUGHPUT = re.compile(r"Throughput: ([0-9.]+)")


def run_plan(plan: LaunchPlan) -> int:
    """Run every instance to its end; return the first exit status that is not 0."""
    with RunLog(plan.output_dir, plan.name) as log:
        log.line(f"Log and results: {log.path.parent}")
        for notice in plan.notices:
            log.line(notice)
        verbose = bool(plan.configuration["verbose"])
        log.facts("Configuration", plan.configuration, shown=verbose)
        log.facts("Machine and versions", describe_machine(), shown=verbose)
        with _ended_on_signals():
            several = len(plan.instances) > 1
            status = _run_instances(plan, log) if several else _run_single(plan.instances[0], log)
        batch_size = plan.configuration.get("batch_size")
        log.line(f"Ran {plan.configuration['mode']} with batch size {batch_size}; exit status {status}.")
        log.line(f"Log file: {log.path}")
    return status


def show_plan(plan: LaunchPlan) -> None:
    """Print a plan, for --dry-run."""
    console.out.print(f"{plan.name}: {plan.task}, {plan.action}", markup=False)
    console.out.print(f"Log and results: {plan.output_dir}", markup=False)
    for name, value in plan.configuration.items():
        if value is not None:
            console.out.print(f"    {name}: {value}", markup=False)
    for instance in plan.instances:
        cores = ",".join(map(str, instance.placement.cores))
        console.out.print(f"On cores {cores}:" if cores else "Run:", markup=False)
        for command in instance.commands:
            console.out.print(f"    bertbench {shlex.join(command)}", markup=False)
    for notice in plan.notices:
        console.notice(notice)


def _run_single(instance: Instance, log: RunLog) -> int:
    for command in instance.commands:
        log.line(f"bertbench {shlex.join(command)}")
        process = _start(command, instance)
        for line in process.stdout:
            log.line(line.rstrip("\n"))
        if status := _exit_status(process):
            return status
    return 0


@dataclass
class _Outcome:
    status: int = 0
    throughput: float | None = None
    lines: list[str] = field(default_factory=list)


def _run_instances(plan: LaunchPlan, log: RunLog) -> int:
    """Run all at once; the logs and their names are those of the model zoo's multi-instance runs."""
    outcomes = [_Outcome() for _ in plan.instances]
    threads = [
        threading.Thread(target=_follow, args=(number, instance, outcome, log))
        for number, (instance, outcome) in enumerate(zip(plan.instances, outcomes, strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _write_instance_logs(plan, outcomes)
    failed = [number for number, outcome in enumerate(outcomes) if outcome.status]
    if failed:
        log.line(f"Failed: instance {', '.join(map(str, failed))}.")
    measured = [outcome.throughput for outcome in outcomes if outcome.throughput is not None]
    if measured and not failed:
        log.line(f"Throughput of {len(measured)} instances together: {sum(measured):.2f} examples/s")
        summary = {"examples_per_second": sum(measured), "instances": measured}
        write_json(plan.output_dir / "results.json", summary)
    return outcomes[failed[0]].status if failed else 0


def _follow(number: int, instance: Instance, outcome: _Outcome, log: RunLog) -> None:
    for command in instance.commands:
        process = _start(command, instance)
        _note(f"bertbench {shlex.join(command)}", number, outcome, log)
        for line in process.stdout:
            _note(line.rstrip("\n"), number, outcome, log)
        outcome.status = _exit_status(process)
        if outcome.status:
            return


def _note(line: str, number: int, outcome: _Outcome, log: RunLog) -> None:
    outcome.lines.append(line)
    if match := _THROUGHPUT.match(line):
        outcome.throughput = float(match[1])
    log.line(f"[{number}] {line}")


def _write_instance_logs(plan: LaunchPlan, outcomes: list[_Outcome]) -> None:
    values = plan.configuration
    cores = values["numa_cores_per_instance"]
    stem = (
        f"{values['model_name']}_{values['precision']}_{values['mode']}_bs{values['batch_size']}_cores{cores}"
    )
    for number, outcome in enumerate(outcomes):
        text = "\n".join(outcome.lines) + "\n"
        (plan.output_dir / f"{stem}_instance{number}.log").write_text(text, encoding="utf-8")
        with (plan.output_dir / f"{stem}_all_instances.log").open("a", encoding="utf-8") as together:
            together.write(text)


def _exit_status(process: subprocess.Popen) -> int:
    """As a shell gives it: 128 + the signal that ended the process, if one did."""
    process.stdout.close()
    code = process.wait()
    return code if code >= 0 else 128 - code


_running: list[subprocess.Popen] = []


def _start(command: tuple[str, ...], instance: Instance) -> subprocess.Popen:
    """Start `bertbench` in its place, in a process group of its own, its two outputs as one."""
    make_directory(instance.output_dir)
    paths = [str(PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    with bound(instance.placement) as prefix:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "bertbench", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,
        )
    _running.append(process)
    return process


@contextlib.contextmanager
def _ended_on_signals() -> Iterator[None]:
    """Let nothing that was started outlive this process when it is interrupted or terminated."""

    def stop(number: int, _frame: object) -> None:
        for process in _running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for process in _running:
            _end(process)
        _running.clear()


def _end(process: subprocess.Popen) -> None:
    try:
        process.wait(SECONDS_TO_END if process.poll() is None else 0)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
