"""Runs mutants of every format and reports the outcomes; see the package."""

import argparse
import json
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bertbench.console import make_table, notice, print_table, progress
from suites.tables import markdown, renew
from tools.mutants.formats import FORMATS
from tools.mutants.trial import BAD, READ, REFUSED, Verdict

SECONDS = 10  # for one mutant
SECONDS_TO_START = 120
DIED, HUNG = "died", "hung"
OUTCOMES = (READ, REFUSED, BAD, DIED, HUNG)
COLUMNS = ("format", "mutants", *OUTCOMES)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


class _SilentError(Exception):
    """A worker wrote nothing for too long."""


def run_mutants(name: str, first: int, end: int) -> Iterator[Verdict]:
    """The verdicts on mutants `first` to `end` of a format; a worker that died or hung is replaced."""
    while first < end:
        with _start(name, first, end) as worker:
            try:
                lost = DIED
                ready = _read_line(worker, SECONDS_TO_START)
                while ready and (line := _read_line(worker, SECONDS)):
                    yield Verdict(**json.loads(line))
                    first += 1
            except _SilentError:
                lost = HUNG
            worker.kill()
        if first < end:
            yield Verdict(lost, f"mutant {first}")
            first += 1


def _start(name: str, first: int, end: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tools.mutants.worker", name, str(first), str(end)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)


def _read_line(worker: "subprocess.Popen[bytes]", seconds: float) -> bytes:
    """The next line of the worker's output; empty if it has ended."""
    assert worker.stdout is not None
    if not select.select([worker.stdout], [], [], seconds)[0]:
        raise _SilentError
    return worker.stdout.readline()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="mutants of each format [%(default)s]")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one [%(default)s]")
    parser.add_argument("--format", action="append", choices=[one.name for one in FORMATS], help="only these")
    parser.add_argument("--document", action="store_true", help=f"write the table into {DOCUMENT.name}")
    options = parser.parse_args()
    rows = []
    for one in FORMATS:
        if options.format and one.name not in options.format:
            continue
        counts: Counter[str] = Counter()
        with progress(one.name, options.count, "mutants") as advance:
            for verdict in run_mutants(one.name, options.first, options.first + options.count):
                counts[verdict.outcome] += 1
                advance(1)
                if verdict.outcome not in (READ, REFUSED):
                    notice(f"{one.name}: {verdict.outcome}: {verdict.details}")
        rows.append((one.name, f"{counts.total():,}", *(f"{counts[outcome]:,}" for outcome in OUTCOMES)))
    sums = [
        f"{sum(int(row[column].replace(',', '')) for row in rows):,}" for column in range(1, len(COLUMNS))
    ]
    rows.append(("all", *sums))
    print_table(make_table("", COLUMNS, rows))
    if options.document:
        renew(DOCUMENT, {"mutants": markdown(COLUMNS, rows)})


if __name__ == "__main__":
    main()
