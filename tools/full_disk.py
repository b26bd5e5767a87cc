"""`python -m tools.full_disk`: runs commands on a file system that fills up, and classifies what remains.

Mounting the file system, a tmpfs, needs root and Linux. The results are in docs/reliability.md.
"""

import contextlib
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from bertbench.console import notice, say
from suites.tables import markdown
from tools.kills.killed_commands import COMMANDS, KilledCommand
from tools.kills.trial import (
    Reference,
    classify,
    find_left,
    finishes,
    make_reference,
    read_outputs,
    run_command,
)

LARGE = 2**30  # bytes; more than any command writes
COLUMNS = (
    "command", "runs", "one line, outputs old", "one line, resumable", "enough space", "other",
    "finished with more space",
)  # fmt: skip
_REMEDY = "free some space"


@dataclass(frozen=True)
class Ending:
    """What remains after a run.

    Attributes:
      kind: a column of the table: how the run ended and what its outputs are.
      line: the last line on standard error.
      finished: whether the same command, run again with enough space, gives the new outputs.
    """

    kind: str
    line: str
    finished: bool


@click.command()
@click.option(
    "--sizes", type=click.IntRange(min=1), default=20, show_default=True, help="Runs of each command."
)
@click.option("--command", "names", type=click.Choice(tuple(COMMANDS)), multiple=True, help="[all]")
@click.option("--seed", type=int, default=0, show_default=True)
def main(sizes: int, names: Sequence[str], seed: int) -> None:
    """Run each command on file systems of random sizes that may be too small for its outputs."""
    rows = []
    for name in names or COMMANDS:
        command, draw = COMMANDS[name], random.Random(f"{seed} {name}")
        with tempfile.TemporaryDirectory() as work:
            reference = make_reference(command, Path(work))
            needed = measure(command, reference, Path(work) / "measured")
            notice(f"{name}: writes {needed:,} bytes")
            trials = (int(draw.uniform(0, 1.2) * needed) for _ in range(sizes))
            endings = [fill(command, reference, size, Path(work) / "trial") for size in trials]
        for ending in endings:
            if ending.kind == "other" or not ending.finished:
                notice(f"{name}: {ending}")
        rows.append((name, *count(endings)))
        notice(" ".join(rows[-1]))
    for line in markdown(COLUMNS, rows).splitlines():
        say(line)


def measure(command: KilledCommand, reference: Reference, folder: Path) -> int:
    """The bytes of the files that the newer form of a command writes."""
    with small_disk(folder, LARGE):
        shutil.copytree(reference.folder, folder, dirs_exist_ok=True)
        start = time.time()
        run_command(command.newer, folder)
        facts = [path.stat() for path in folder.rglob("*") if path.is_file()]
        return sum(512 * fact.st_blocks for fact in facts if fact.st_mtime >= start)


def fill(command: KilledCommand, reference: Reference, size: int, folder: Path) -> Ending:
    """Run the newer form of a command with `size` bytes of free space, then again with enough.

    Raises:
      PermissionError: this process may not mount a file system.
    """
    with small_disk(folder, LARGE):
        shutil.copytree(reference.folder, folder, dirs_exist_ok=True)
        _mount(folder, used(folder) + size, "remount")
        done = run_command(command.newer, folder, check=False)
        line = (done.stderr.splitlines() or [""])[-1]
        state = classify(command, reference, read_outputs(command, folder))
        clean = not find_left(folder) and "Traceback" not in done.stderr
        _mount(folder, LARGE, "remount")
        told = done.returncode == 2 and _REMEDY in line
        return Ending(
            _kind(done.returncode, told, state if clean else "left"),
            line,
            finishes(command, reference, folder),
        )


def count(endings: Sequence[Ending]) -> tuple[str, ...]:
    """The cells of a row after the command."""
    kinds = [ending.kind for ending in endings]
    finished = sum(ending.finished for ending in endings)
    return (
        str(len(endings)),
        *(str(kinds.count(kind)) for kind in COLUMNS[2:6]),
        f"{finished} of {len(endings)}",
    )


def used(folder: Path) -> int:
    """The bytes in use on the file system of a folder."""
    facts = os.statvfs(folder)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A new file system of this size, mounted at a new folder.

    Raises:
      PermissionError: this process may not mount a file system.
    """
    folder.mkdir()
    try:
        _mount(folder, size)
        try:
            yield
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    finally:
        folder.rmdir()


def _mount(folder: Path, size: int, *options: str) -> None:
    words = ["mount", "-t", "tmpfs", "-o", ",".join([*options, f"size={size}"]), "tmpfs", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise PermissionError(f"{folder}: cannot be mounted: {done.stderr.strip()}")


def _kind(status: int, told: bool, state: str) -> str:
    if told and state in ("old", "resumable"):
        return COLUMNS[2] if state == "old" else COLUMNS[3]
    return COLUMNS[4] if status in (0, 3) and state == "new" else COLUMNS[5]


if __name__ == "__main__":
    main()
