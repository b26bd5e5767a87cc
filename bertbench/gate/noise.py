"""How a machine's measurements scatter when nothing changes, recorded for the gate's calibration."""

import dataclasses
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bertbench.console import progress
from bertbench.errors import InputError
from bertbench.files import read_json, write_json
from bertbench.formatting import percent
from bertbench.gate.runs import BENCHMARK, Interpreter, run_benchmark
from bertbench.measure.machine import describe_machine
from bertbench.measure.rates import center
from bertbench.parsing import NonNegative, Positive
from bertbench.results.provenance import now
from bertbench.results.schema import parse_version

STORAGE = Path("baselines/noise")
NOISE_VERSION = 3


@dataclass(frozen=True)
class NoiseRun:
    """One run of an unchanged benchmark.

    `load` is the machine's load average when it began, `activity` the warnings of what else it did, which
    are among `warnings`.
    """

    load: NonNegative
    efficiency_rounds: tuple[Positive, ...]
    peak_memory_mib: Positive
    startup_seconds: Positive | None
    warnings: tuple[str, ...]
    activity: tuple[str, ...]


@dataclass(frozen=True)
class NoiseCase:
    """The runs of one case in the order of measuring; `arguments` are those of `bertbench benchmark`."""

    case: str
    arguments: tuple[str, ...]
    runs: tuple[NoiseRun, ...]

    @property
    def undisturbed(self) -> list[NoiseRun]:
        """The runs without a warning."""
        return [run for run in self.runs if not run.warnings]

    @property
    def comparable_in_turn(self) -> list[NoiseRun]:
        """The runs that interleaved comparisons judge: the machine did nothing else meanwhile."""
        return [run for run in self.runs if not run.activity]


@dataclass(frozen=True)
class Noise:
    """What a machine was seen to do: `baselines/noise/<machine-id>.json`."""

    machine_id: str
    machine: Mapping[str, Any]
    recorded: str
    cases: tuple[NoiseCase, ...] = ()


def read_noise(path: Path) -> Noise:
    """Read a recording; raises InputError as every reader of results does."""
    return parse_version(Noise, read_json(path), str(path), NOISE_VERSION)


def describe_noise(case: NoiseCase) -> str:
    """One line: how many runs, how busy the machine was, and how much rounds and runs scatter."""
    runs = case.undisturbed
    told = f"{case.case}: {len(case.runs)} runs, {len(case.runs) - len(runs)} of them disturbed"
    if len(runs) < 2:
        return f"{told}."
    within = np.mean([np.log(run.efficiency_rounds).std() for run in runs])
    between = np.log([center(run.efficiency_rounds) for run in runs]).std(ddof=1)
    return (
        f"{told}; load {np.median([run.load for run in runs]):.1f}; undisturbed rounds scatter by "
        f"{percent(within)} within a run, runs by {percent(between)}."
    )


def record_noise(
    cases: Sequence[Sequence[str]],
    runs: int,
    storage: Path = STORAGE,
    benchmark: Sequence[str] = BENCHMARK,
) -> Path:
    """Continue recording this machine until each case has this many runs, and return the file.

    The cases alternate, so that a disturbance longer than a run affects all of them. Each run has
    a separate process and is stored immediately.

    Raises:
      InputError: a run fails, or the recording so far cannot be read or is of other versions.
    """
    machine = describe_machine()
    path = storage / f"{machine['id']}.json"
    kept = {case.arguments: case for case in _read_earlier(path, machine)} if path.exists() else {}
    wanted = [tuple(arguments) for arguments in cases]
    left = sum(max(0, runs - len(kept[case].runs) if case in kept else runs) for case in wanted)
    with tempfile.TemporaryDirectory() as folder, progress("noise", left, "runs") as advance:
        for number in range(left):
            arguments = min(wanted, key=lambda case: len(kept[case].runs) if case in kept else 0)
            kept[arguments] = _run_once(arguments, kept.get(arguments), Path(folder) / str(number), benchmark)
            _write(path, machine, kept.values())
            advance(1)
    return path


def _read_earlier(path: Path, machine: Mapping[str, Any]) -> tuple[NoiseCase, ...]:
    """The cases of a recording by the same versions: runs of others differ by more than noise."""
    noise = read_noise(path)
    for name in ("bertbench", "tensorflow"):
        if noise.machine.get(name) != machine[name]:
            raise InputError(
                f"{path}: was recorded with {name} {noise.machine.get(name)}, this is {machine[name]}; "
                "remove the file to record again."
            )
    return noise.cases


def _run_once(
    arguments: tuple[str, ...], before: NoiseCase | None, output_dir: Path, benchmark: Sequence[str]
) -> NoiseCase:
    load = psutil.getloadavg()[0]
    run = run_benchmark(Interpreter("this", Path(sys.executable)), arguments, output_dir, benchmark)
    measured = NoiseRun(
        load=round(load, 2),
        efficiency_rounds=tuple(round(value, 5) for value in run.efficiency_rounds),
        peak_memory_mib=round(run.peak_memory_mib, 1),
        startup_seconds=run.startup_seconds and round(run.startup_seconds, 3),
        warnings=run.warnings,
        activity=run.activity,
    )
    return NoiseCase(run.case, arguments, (*(before.runs if before else ()), measured))


def _write(path: Path, machine: Mapping[str, Any], cases: Iterable[NoiseCase]) -> None:
    noise = Noise(machine["id"], machine, now(), tuple(cases))
    write_json(path, {"schema_version": NOISE_VERSION, **dataclasses.asdict(noise)}, indent=None)
