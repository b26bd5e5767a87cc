"""One kill: start a command, send it a signal, and classify what remains."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bertbench.entry import STOPPING
from bertbench.output_folders import LOCK
from tools.kills.killed_commands import KilledCommand

# Keys in JSON files whose values differ between two runs of the same command.
VOLATILE = frozenset(
    (
        "seconds",
        "examples_per_second",
        "tokens_per_second",
        "peak_memory_mib",
        "recorded",
        "measured",
        "checksum",
        "addresses",
        "examples",
        "first_step",
    )
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
SECONDS_FOR_ORPHANS = 3.0
SECONDS_OF_WRITING = 0.5
_NOT_OUTPUTS = ("events", "loss_curve.json")  # they contain times

Outputs = Mapping[str, str]  # a digest of each output, by path in the folder


@dataclass(frozen=True)
class Reference:
    """The folder before the kill, and the outputs of the older and the newer run."""

    folder: Path
    before: Outputs
    after: Outputs
    seconds: float


@dataclass(frozen=True)
class Ending:
    """What remains after a kill.

    Attributes:
      state: `old` or `new`, whole; `partial`: some of the new outputs and none of the old; `mixed`: outputs
        of both; `torn`: an output that is neither; `resumable`: a run that can be resumed.
      left: temporary files. orphans: the number of processes that remain. traceback: whether one was printed.
      finished: whether the same command, run again, gives the new outputs and leaves nothing else; None if it
        was not run again.
    """

    state: str
    left: tuple[str, ...]
    orphans: int
    traceback: bool
    finished: bool | None = None


def make_reference(killed: KilledCommand, work: Path) -> Reference:
    """Run both forms of a command undisturbed, and the newer one twice.

    Raises:
      RuntimeError: it gives different outputs, so that what a kill leaves could not be classified.
    """
    folder = work / "before"
    folder.mkdir(parents=True)
    killed.set_up(folder)
    if killed.older:
        run_command(killed.older, folder)
    killed.turn(folder)
    before = read_outputs(killed, folder)
    finished = shutil.copytree(folder, work / "after")
    start = time.monotonic()
    run_command(killed.newer, finished)
    seconds = time.monotonic() - start
    after = read_outputs(killed, finished)
    run_command(killed.newer, shutil.copytree(folder, work / "repeated"))
    if read_outputs(killed, work / "repeated") != after:
        raise RuntimeError(f"{killed.name}: two runs give different outputs; see VOLATILE")
    return Reference(folder, before, after, seconds)


def kill(
    killed: KilledCommand,
    reference: Reference,
    number: signal.Signals,
    moment: float,
    folder: Path,
    *,
    again: bool,
) -> Ending:
    """Start the newer form in a copy of the folder, and send a signal.

    Args:
      moment: in [0, 1). The first half stands for the whole run, the second half for the time in which the
        command writes, which is short.
      folder: the path of the copy; it is removed at the end. again: whether to run the command again.
    """
    shutil.copytree(reference.folder, folder)
    try:
        process = subprocess.Popen(
            killed.newer,
            cwd=folder,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_handle_signals,
        )
        _wait(process, reference, moment, folder)
        family = _family(process.pid)
        process.send_signal(number)
        _, errors = process.communicate()
        orphans = len(psutil.wait_procs(family, SECONDS_FOR_ORPHANS)[1])
        left = find_left(folder)
        state = classify(killed, reference, read_outputs(killed, folder))
        finished = finishes(killed, reference, folder) if again else None
        return Ending(state, left, orphans, "Traceback" in errors, finished)
    finally:
        shutil.rmtree(folder)


def classify(killed: KilledCommand, reference: Reference, found: Outputs) -> str:
    """The state of the outputs; see `Ending`."""
    if found == reference.before:
        return "old"
    if found == reference.after:
        return "new"
    if killed.resumes:
        return "resumable"
    before, after = reference.before, reference.after
    if any(value not in (before.get(name), after.get(name)) for name, value in found.items()):
        return "torn"
    only_old = any(value != after.get(name) for name, value in found.items())
    return "mixed" if only_old else "partial"


def read_outputs(killed: KilledCommand, folder: Path) -> Outputs:
    """The digest of each output, without values that differ between runs."""
    files = sorted(file for pattern in killed.outputs for file in folder.glob(pattern) if file.is_file())
    return {
        str(file.relative_to(folder)): _digest(file)
        for file in files
        if not file.name.startswith(".") and file.name not in _NOT_OUTPUTS
    }


def find_left(folder: Path) -> tuple[str, ...]:
    """The temporary files and folders, recognized by their names."""
    paths = folder.rglob(".*bertbench*")
    return tuple(sorted(str(path.relative_to(folder)) for path in paths))


def _handle_signals() -> None:
    """Undo what a shell does for commands in the background, which ignore SIGINT."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_DFL)


def _wait(process: "subprocess.Popen[str]", reference: Reference, moment: float, folder: Path) -> None:
    """Wait until the moment of a kill; see `kill`."""
    if moment < 0.5:
        time.sleep(2 * moment * reference.seconds)
        return
    before = _list_files(folder)
    while process.poll() is None and _list_files(folder) == before:
        time.sleep(0.002)
    time.sleep((2 * moment - 1) * SECONDS_OF_WRITING)


def _list_files(folder: Path) -> set[str]:
    """All files but the lock, which a run creates at its start."""
    return {
        os.path.join(place, name) for place, _, names in os.walk(folder) for name in names if name != LOCK
    }


def finishes(killed: KilledCommand, reference: Reference, folder: Path) -> bool:
    """Whether the newer form, run again after a fault, gives its outputs and leaves nothing else."""
    run_command(killed.newer, folder)
    return read_outputs(killed, folder) == reference.after and not find_left(folder)


def run_command(
    command: tuple[str, ...], folder: Path, *, check: bool = True
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder.

    Raises:
      RuntimeError: with `check`, it ended with another status than 0, or 3, as without a baseline.
    """
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    if check and done.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr}")
    return done


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _digest(file: Path) -> str:
    data = file.read_bytes()
    if file.suffix == ".json":
        with contextlib.suppress(ValueError):  # a torn file has its own digest
            data = json.dumps(_lasting(json.loads(data)), sort_keys=True).encode()
    return hashlib.sha256(data).hexdigest()


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lasting(inner) for name, inner in value.items() if name not in VOLATILE}
    if isinstance(value, list):
        return [_lasting(inner) for inner in value]
    return value
