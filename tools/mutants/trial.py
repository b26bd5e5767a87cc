"""One mutant: made, read as a program would read it, and checked."""

import contextlib
import io
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.entry import run_program
from tools.mutants import program
from tools.mutants.formats import Format

READ, REFUSED, BAD = "read", "refused", "bad"
NAME = "mutants"
LONGEST_LINE = 2000  # letters
MOST_SECONDS = 10  # of CPU time


@dataclass(frozen=True)
class Verdict:
    """The result of a mutant.

    Attributes:
      outcome: read (correctly), refused (in one line that names the file), or bad.
      details: the mutation, and the message or the fault.
    """

    outcome: str
    details: str


class Trial:
    """A format's real file in a folder, of which mutants are made."""

    def __init__(self, format: Format, folder: Path) -> None:
        self._format = format
        self._path = format.make(folder)
        self._whole = self._path.read_bytes()
        status, said, self._former = self._run()
        if status or not self._is_right(self._whole, self._former):
            raise RuntimeError(f"{format.name}: the undamaged file is not read correctly: {said}")

    def try_mutant(self, number: int) -> Verdict:
        """Make and read a mutant, which depends only on its number."""
        draw = random.Random(f"{self._format.name} {number}")
        name = draw.choice(sorted(self._format.mutations))
        data = self._format.mutations[name](self._whole, draw)
        self._path.write_bytes(data)
        start = time.process_time()
        status, said, read = self._run()
        seconds = time.process_time() - start
        self._path.write_bytes(self._whole)
        if seconds > MOST_SECONDS:
            return Verdict(BAD, f"{name}: took {seconds:.0f} s")
        fault = self._fault_of_reading(data, read) if status == 0 else self._fault_of_refusal(status, said)
        if fault is not None:
            return Verdict(BAD, f"{name}: {fault}")
        return Verdict(REFUSED, f"{name}: {said[-1]}") if status else Verdict(READ, name)

    def _fault_of_reading(self, data: bytes, read: Any) -> str | None:
        try:
            right = self._is_right(data, read)
        except Exception as error:  # any error of the independent reader
            return f"read {read!r:.300}, but the independent reader reports {error!r:.300}"
        return None if right else f"read incorrectly: {read!r:.300}"

    def _fault_of_refusal(self, status: int, said: list[str]) -> str | None:
        lines = [line for line in said if line.startswith(f"{NAME}: ")]
        if status != 2 or len(lines) != 1 or said[-1] != lines[0]:
            return f"status {status}: {' | '.join(said[-3:]):.600}"
        if str(self._path.parent) not in lines[0]:
            return f"names no file: {lines[0]:.300}"
        return f"a line of {len(lines[0]):,} letters" if len(lines[0]) > LONGEST_LINE else None

    def _is_right(self, data: bytes, read: Any) -> bool:
        if self._format.right is None:
            return _same(read, self._former)
        return self._format.right(data, read)

    def _run(self) -> tuple[int, list[str], Any]:
        """Read the file as a program does: exit status, lines on standard error, and what was read."""
        errors, status = io.StringIO(), 0
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            try:
                run_program(NAME, program.__name__, [self._format.name, str(self._path)])
            except SystemExit as ending:
                status = int(ending.code or 0)
        return status, errors.getvalue().splitlines(), program.read[0] if program.read else None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(np.array_equal(one, other))
