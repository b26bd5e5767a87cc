"""Runs mutants of every format and reports the outcomes; see the package."""

import argparse
import json
import select
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bertbench.console import notice, progress
from bertbench.tables import make_table, print_table
from suites.tables import markdown, renew
from tools.mutants.formats import FORMATS
from tools.mutants.trial import BAD, READ, REFUSED, Verdict

SECONDS = 120  # for one mutant, on a machine that may be busy with other things
SECONDS_TO_START = 300
DIED, HUNG = "died", "hung"
OUTCOMES = (READ, REFUSED, BAD, DIED, HUNG)
COLUMNS = ("format", "mutants", *OUTCOMES)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


class Worker:
    """A process that reads mutants, started again when it is lost."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def try_mutant(self, name: str, number: int) -> Verdict:
        """The verdict on a mutant of a format."""
        process = self._process = self._process or _start()
        _write_line(process, json.dumps([name, number]))
        line = _read_line(process, SECONDS)
        if line:
            return Verdict(**json.loads(line))
        self.close()
        return Verdict(DIED if line is not None else HUNG, f"mutant {number}")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _start() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tools.mutants.worker"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    )
    if not _read_line(process, SECONDS_TO_START):
        raise RuntimeError("no worker starts; run `python -m tools.mutants.worker` to see why")
    return process


def _write_line(process: "subprocess.Popen[bytes]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n".encode())


def _read_line(process: "subprocess.Popen[bytes]", seconds: float) -> bytes | None:
    """A line that the process writes: empty if the process has ended, None if it writes nothing in time."""
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], seconds)[0]:
        return None
    return process.stdout.readline()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="mutants of each format [%(default)s]")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one [%(default)s]")
    parser.add_argument("--format", action="append", choices=[one.name for one in FORMATS], help="only these")
    parser.add_argument("--document", action="store_true", help=f"write the table into {DOCUMENT.name}")
    options = parser.parse_args()
    worker, rows = Worker(), []
    for one in FORMATS:
        if options.format and one.name not in options.format:
            continue
        counts: Counter[str] = Counter()
        with progress(one.name, options.count, "mutants") as advance:
            for number in range(options.first, options.first + options.count):
                verdict = worker.try_mutant(one.name, number)
                counts[verdict.outcome] += 1
                advance(1)
                if verdict.outcome not in (READ, REFUSED):
                    notice(f"{one.name}: {verdict.outcome}: {verdict.details}")
        rows.append((one.name, f"{counts.total():,}", *(f"{counts[outcome]:,}" for outcome in OUTCOMES)))
    worker.close()
    sums = [
        f"{sum(int(row[column].replace(',', '')) for row in rows):,}" for column in range(1, len(COLUMNS))
    ]
    rows.append(("all", *sums))
    print_table(make_table("", COLUMNS, rows))
    if options.document:
        renew(DOCUMENT, {"mutants": markdown(COLUMNS, rows)})


if __name__ == "__main__":
    main()
