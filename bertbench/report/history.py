"""Stored throughput over time: one series per case and machine, from the stored files."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bertbench.errors import InputError
from bertbench.files import read_json
from bertbench.formatting import p_value, signed
from bertbench.parsing import Positive
from bertbench.report.change_points import ChangePoint, find_change_points
from bertbench.results.baselines import StoredResult, list_stored
from bertbench.results.repository import find_root, read_subject
from bertbench.results.schema import THROUGHPUT_VERSION, parse_version

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

BLOCKS = "▁▂▃▄▅▆▇█"
SPARKLINE_WIDTH = 40


@dataclass(frozen=True)
class Run:
    """One stored measurement of one case."""

    number: int
    commit: str
    dirty: bool
    measured: str
    efficiency: float
    examples_per_second: float

    @property
    def label(self) -> str:
        """The commit, marked when the work tree had changes."""
        return f"{self.commit}{'+' if self.dirty else ''}"


@dataclass(frozen=True)
class _Measured:
    """What a history takes of `schema.ThroughputCase`."""

    case: str
    efficiency: Positive
    examples_per_second: Positive


@dataclass(frozen=True)
class Series:
    """Every stored run of one case on one machine, oldest first; `root` is the repository of its commits."""

    case: str
    machine_id: str
    runs: tuple[Run, ...]
    root: Path | None = None

    @cached_property
    def efficiencies(self) -> np.ndarray:
        """float64 [N]."""
        return np.array([run.efficiency for run in self.runs])

    @cached_property
    def change_points(self) -> list[ChangePoint]:
        """Where the efficiency changed its level."""
        return find_change_points(self.efficiencies)

    def describe_change(self, point: ChangePoint) -> str:
        """One line: how much, how sure, by which commit, after which, and when."""
        last_before, first_after = self.runs[point.index - 1], self.runs[point.index]
        low, high = (signed(end * 100, 1) for end in point.interval)
        subject = read_subject(self.root, first_after.commit) if self.root else None
        return (
            f"{signed(point.shift * 100, 1)} % ({low} to {high} %, p {p_value(point.p_value)}) at "
            f"{first_after.label}{f' “{subject}”' if subject else ''} (run {first_after.number:04}, "
            f"{first_after.measured[:10]}), after {last_before.label}"
        )


def read_history(storage: Path, *, pattern: str = "*", last: int | None = None) -> list[Series]:
    """Every series of the cases that `pattern` matches, of the last so many stored files of each machine.

    `pattern` is a glob; without a wildcard it matches anywhere in the name.

    Raises:
      InputError: nothing is stored, a file cannot be read, or no case matches.
    """
    stored = list_stored(storage)
    if not stored:
        raise InputError(
            f"{storage}: contains no stored results; record some with `pytest -m benchmark "
            "--record-baselines`."
        )
    glob = pattern if any(wildcard in pattern for wildcard in "*?[") else f"*{pattern}*"
    runs: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for machine_id, results in groupby(stored, key=lambda result: result.machine_id):
        chosen = list(results)
        for result in chosen[-last:] if last else chosen:
            for case, run in _read_runs(result):
                runs[machine_id, case].append(run)
    matching = sorted(key for key in runs if fnmatch.fnmatchcase(key[1], glob))
    if not matching:
        raise InputError(
            f"--case {pattern}: matches none of {', '.join(sorted({case for _, case in runs}))}."
        )
    root = _repository(storage)
    return [Series(case, machine_id, tuple(runs[machine_id, case]), root) for machine_id, case in matching]


def sparkline(values: ArrayLike, width: int = SPARKLINE_WIDTH) -> str:
    """Unicode blocks from the lowest value to the highest; longer series are averaged to `width`."""
    series = np.asarray(values, float)
    parts = np.array_split(series, min(width, len(series)))
    heights = np.array([part.mean() for part in parts])
    span = heights.max() - heights.min()
    if span == 0:
        return BLOCKS[3] * len(heights)
    levels = ((heights - heights.min()) / span * (len(BLOCKS) - 1)).round().astype(int)
    return "".join(BLOCKS[level] for level in levels)


def _repository(storage: Path) -> Path | None:
    try:
        return find_root(storage)
    except InputError:
        return None


def _read_runs(stored: StoredResult) -> Iterator[tuple[str, Run]]:
    place, values = str(stored.path), read_json(stored.path)
    try:
        for benchmark in values["benchmarks"]:
            info = parse_version(_Measured, benchmark["extra_info"], place, THROUGHPUT_VERSION)
            run = Run(
                stored.number,
                stored.commit,
                stored.dirty,
                str(values["datetime"]),
                info.efficiency,
                info.examples_per_second,
            )
            yield info.case, run
    except (KeyError, TypeError) as error:
        raise InputError(f"{place}: is not a stored throughput result ({error!r}); remove it.") from None
