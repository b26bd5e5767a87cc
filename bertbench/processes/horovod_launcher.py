"""Starts and monitors the workers of a training with Horovod's launcher."""

import collections
import importlib.util
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bertbench import console
from bertbench.errors import BertbenchError, CannotJudge, InputError
from bertbench.processes.groups import Processes, output_lines, package_environment, shell_status
from bertbench.processes.hosts import WorkerHosts

LAUNCHER = ("-m", "horovod.runner.launch", "--disable-cache")
SSH = "ssh -o PasswordAuthentication=no -o StrictHostKeyChecking=no"  # as Horovod's launcher runs it
_WORKER = "BERTBENCH_WORKER"
# What Horovod's launcher writes with Gloo ("[0]<stdout>:", "Process name: 0") and mpirun with MPI
# ("[1,0]<stdout>:", "Process name: [[38017,1],0]").
_OUTPUT = re.compile(r"\[(?:\d+,)?(\d+)\]<(stdout|stderr)>:(.*)")
_FIRST_TO_FAIL = re.compile(
    r"Process name:\s+(?:\[\[\d+,\d+\],)?(?P<name>\d+|\S+\[\d+\])\]?\s+Exit code:\s+(?P<status>-?\d+)"
)
_KEPT_LINES = 40


def is_training_worker() -> bool:
    """Whether this process is one that `run_workers` started."""
    return _WORKER in os.environ


def launcher_command(hosts: WorkerHosts, arguments: Sequence[str]) -> list[str]:
    """The command that starts every worker as `bertbench ARGUMENTS`."""
    slots = ",".join(f"{host}:{count}" for host, count in hosts.slots.items())
    python = sys.executable
    launch = [python, *LAUNCHER, "-np", str(hosts.num_processes), "-H", slots]
    launch += ["--min-np", "1"] if hosts.elastic else []
    return [*launch, python, "-m", "bertbench", *arguments]


def show_workers(hosts: WorkerHosts, arguments: Sequence[str]) -> None:
    """Print the commands and their hosts, for --dry-run."""
    worker = shlex.join([sys.executable, "-m", "bertbench", *arguments])
    if hosts.num_processes == 1 and not hosts.hosts:
        console.say(worker)
        return
    environment = " ".join(f"{name}={shlex.quote(value)}" for name, value in _environment().items())
    console.say("Here:")
    console.say(f"    {environment} {shlex.join(launcher_command(hosts, arguments))}")
    over_ssh = "over SSH if it is another host, " if hosts.hosts else ""
    console.say(
        f"which starts, {over_ssh}with the rest of this environment and the address of the rendezvous server:"
    )
    for host, slot in _slots(hosts):
        command = f"env {slot} {environment} {worker}"
        if hosts.hosts:
            command = f"{SSH} {host} {shlex.quote(f'cd {Path.cwd()} > /dev/null 2>&1 ; {command}')}"
        console.say(f"    {command}")


def _slots(hosts: WorkerHosts) -> Iterator[tuple[str, str]]:
    """Each worker's host, and its environment variables from Horovod's launcher.

    (horovod/runner/gloo_run.py, create_slot_env_vars; "cross" counts the hosts that have this slot.)
    """
    rank = 0
    for number, (host, count) in enumerate(hosts.slots.items()):
        for local_rank in range(count):
            places = {
                "HOSTNAME": host,
                "RANK": rank,
                "SIZE": hosts.num_processes,
                "LOCAL_RANK": local_rank,
                "LOCAL_SIZE": count,
                "CROSS_RANK": number,
                "CROSS_SIZE": sum(others > local_rank for others in hosts.slots.values()),
            }
            yield host, " ".join(f"HOROVOD_{name}={value}" for name, value in places.items())
            rank += 1


def run_workers(hosts: WorkerHosts, arguments: Sequence[str]) -> None:
    """Run all workers to their end, and print their lines with the rank as prefix.

    When one fails, Horovod's launcher ends the others.

    Raises:
      InputError: Horovod is not installed.
      BertbenchError: a worker failed; the message names the first one.
    """
    if importlib.util.find_spec("horovod") is None:
        raise InputError(
            "several processes need Horovod, which is not installed; run `python tools/horovod/install.py` "
            "in a checkout, or leave --mpi-num-processes out."
        )
    processes = Processes()
    with processes.ended_on_signals():
        process = processes.start(launcher_command(hosts, arguments), {**os.environ, **_environment()})
        lines = _show_ranked(output_lines(process), len(str(hosts.num_processes - 1)))
        last_lines = collections.deque(lines, maxlen=_KEPT_LINES)
        status = shell_status(process)
    if status:
        raise _failure(status, "\n".join(last_lines))


def _show_ranked(lines: Iterator[str], width: int) -> Iterator[str]:
    """Print the workers' lines; yield those of the launcher."""
    for line in lines:
        match = _OUTPUT.match(line)
        if match is None:
            yield line
            continue
        rank, stream, text = match.groups()
        show = console.say if stream == "stdout" else console.notice
        show(f"[{rank:>{width}}] {text}")


def _failure(status: int, last_lines: str) -> BertbenchError:
    first = _FIRST_TO_FAIL.search(last_lines)
    if first is None:
        return CannotJudge(f"Horovod's launcher ended with status {status}:\n{last_lines}")
    code = int(first["status"])
    name = f"rank {first['name']}" if first["name"].isdigit() else first["name"]
    for error in (InputError, CannotJudge):
        if code == error.exit_status:
            return error(f"{name} failed; its message is above.")
    signals = {128 + number: number.name for number in signal.Signals}
    return CannotJudge(
        f"{name} ended with {signals.get(code, f'status {code}')} and the others were stopped; "
        "run the same command to resume from the last checkpoint."
    )


def _environment() -> dict[str, str]:
    """The environment variable that marks a worker."""
    return {_WORKER: "1", **package_environment()}
