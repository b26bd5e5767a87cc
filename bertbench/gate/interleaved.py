"""Two revisions, or two interpreters, in turn on this machine: A B A B ..., so that its drift cancels.

Each revision is checked out and installed into a separate environment under one temporary folder,
which is gone when the comparison ends, however it ends.
"""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench.console import notice, progress
from bertbench.errors import InputError
from bertbench.gate.judging import judge_sides
from bertbench.gate.limits import MINIMUM_PAIRS, PAIRS
from bertbench.gate.result import GateResult, Verdict, VerdictKind
from bertbench.gate.rules import doubt_disturbed, judge_efficiency, judge_memory, judge_startup, looks
from bertbench.gate.runs import BENCHMARK, PREDICT, BenchmarkRun, Interpreter, run_benchmark, run_process
from bertbench.gate.sides import Side, load_folder
from bertbench.gate.thresholds import THRESHOLDS, Thresholds
from bertbench.results.repository import list_changes, resolve_commit, run_git

_CASE = ("squad", "--batch-size", "2", "--steps", "20", "--warmup-steps", "2")
_GEOMETRIES = ("bert-base", "bert-large-4l")


def default_cases(native_bf16: bool) -> list[tuple[str, ...]]:
    """The arguments of `bertbench benchmark` for each case: each geometry in each native precision."""
    return [
        (*_CASE, "--config", geometry, "--precision", precision)
        for geometry in _GEOMETRIES
        for precision in (("fp32", "bf16") if native_bf16 else ("fp32",))
    ]


Pair = tuple[BenchmarkRun, BenchmarkRun]  # of base and head


@dataclass(frozen=True)
class PairedRuns:
    """The runs to make of both sides, and how they are judged.

    Attributes:
      cases: arguments of `bertbench benchmark`. command: what makes the same comparison again.
      pairs: undisturbed runs of each side per case: without other activity on the machine. An unclear case
        gets more, see `looks`.
      benchmark, predict: what a Python runs as `bertbench benchmark` and `bertbench predict`.
    """

    cases: Sequence[Sequence[str]]
    command: str
    pairs: int = PAIRS
    thresholds: Thresholds = THRESHOLDS
    benchmark: Sequence[str] = BENCHMARK
    predict: Sequence[str] = PREDICT


def install_with_pip(checkout: Path, folder: Path) -> Path:
    """A virtual environment in `folder` with the checkout and what it requires."""
    run_process([sys.executable, "-m", "venv", str(folder)])
    python = folder / "bin" / "python"
    run_process([str(python), "-m", "pip", "install", "--quiet", str(checkout)])
    return python


def gate_against(
    root: Path,
    base: str,
    head: str,
    runs: PairedRuns,
    install: Callable[[Path, Path], Path] = install_with_pip,
) -> GateResult:
    """Build two revisions of the repository at `root`, run each case in turn in both, and judge.

    `install(checkout, folder)` makes an environment in `folder` and returns its interpreter.

    Raises:
      InputError: a revision does not exist, is the other one, cannot be built, or a run fails.
    """
    commits = [resolve_commit(root, revision) for revision in (base, head)]
    if commits[0] == commits[1]:
        raise InputError(f"{base} and {head} are the same commit, {commits[0]}; commit what is to be judged.")
    with (
        _temporary_folder() as folder,
        contextlib.ExitStack() as stack,
    ):
        builds = [
            stack.enter_context(_build(root, commit, folder / side, install))
            for side, commit in zip(("base", "head"), commits, strict=True)
        ]
        verdicts, notes = _judge_cases(builds, runs, folder)
    if list_changes(root, apart_from=(root / "baselines",)):
        notes.append("The work tree has changes in no commit; they were not measured.")
    names = [f"{revision} ({commit})" for revision, commit in zip((base, head), commits, strict=True)]
    return GateResult(names[0], names[1], runs.command, tuple(notes), tuple(verdicts))


def gate_interpreters(
    base: Interpreter,
    head: Interpreter,
    runs: PairedRuns,
    prediction: Sequence[str] | None = None,
) -> GateResult:
    """Run each case in turn with two interpreters, and a prediction once with each, and judge.

    Args:
      prediction: arguments of `bertbench predict`, if scores and answers are to be judged too.

    Raises:
      InputError: a run fails, or its results cannot be read.
    """
    with _temporary_folder() as folder:
        scored: tuple[Verdict, ...] = ()
        remarks: tuple[str, ...] = ()
        if prediction is not None:
            sides = [
                _predict(interpreter, [*runs.predict, *prediction], folder / side)
                for side, interpreter in (("base", base), ("head", head))
            ]
            judged = judge_sides(*sides, command=runs.command)
            scored, remarks = judged.verdicts, judged.notes
        verdicts, notes = _judge_cases((base, head), runs, folder)
    return GateResult(base.name, head.name, runs.command, (*remarks, *notes), (*scored, *verdicts))


def _predict(interpreter: Interpreter, arguments: Sequence[str], folder: Path) -> Side:
    notice(f"Predicting with {interpreter.name} ...")
    interpreter.run(arguments, folder)
    return load_folder(folder)


def _judge_cases(
    builds: Sequence[Interpreter], runs: PairedRuns, folder: Path
) -> tuple[list[Verdict], list[str]]:
    """The verdicts of all cases, and what the reader must know of each."""
    verdicts: list[Verdict] = []
    notes: list[str] = []
    for number, arguments in enumerate(runs.cases):
        measured = _interleave(builds, arguments, runs, folder / f"case-{number}")
        verdicts += _judge(measured, runs.thresholds)
        notes.append(_describe(measured))
    return verdicts, notes


@contextlib.contextmanager
def _build(
    root: Path, commit: str, folder: Path, install: Callable[[Path, Path], Path]
) -> Iterator[Interpreter]:
    checkout = folder / "checkout"
    notice(f"Building {commit} in a separate environment ...")
    try:
        run_git(root, "worktree", "add", "--detach", "--quiet", str(checkout), commit)
        yield Interpreter(commit, install(checkout, folder / "environment"))
    finally:
        with contextlib.suppress(InputError):  # it was not added yet
            run_git(root, "worktree", "remove", "--force", str(checkout))
        run_git(root, "worktree", "prune")


def _interleave(
    builds: Sequence[Interpreter], arguments: Sequence[str], runs: PairedRuns, folder: Path
) -> list[Pair]:
    """Pairs of undisturbed runs until the efficiency can be judged, and the disturbed ones among them."""
    measured: list[Pair] = []
    with progress(" ".join(arguments), looks(runs.pairs)[-1], "pairs of runs at most") as advance:
        while not _is_enough(measured, runs):
            base, head = (
                run_benchmark(build, arguments, folder / f"{len(measured)}-{side}", runs.benchmark)
                for side, build in zip(("base", "head"), builds, strict=True)
            )
            measured.append((base, head))
            advance(1, efficiency=head.efficiency)
    return measured


def _is_enough(measured: Sequence[Pair], runs: PairedRuns) -> bool:
    """Whether there are as many pairs as there can be, or enough undisturbed ones for a verdict."""
    ends, quiet = looks(runs.pairs), _undisturbed(measured)
    if len(measured) >= ends[-1]:
        return True
    return len(quiet) in ends and _judge_pairs(quiet, runs.thresholds).verdict != VerdictKind.UNCLEAR


def _judge_pairs(pairs: Sequence[Pair], thresholds: Thresholds) -> Verdict:
    """The verdict on the efficiency."""
    case = pairs[0][1].case
    efficiencies = [[run.efficiency for run in runs] for runs in zip(*pairs, strict=True)]
    return judge_efficiency(case, *efficiencies, paired=True, threshold=thresholds.of(case))


def _describe(measured: Sequence[Pair]) -> str:
    quiet = _undisturbed(measured)
    told = f"{measured[0][1].case}: {len(measured)} interleaved pairs of runs on one machine"
    if disturbed := len(measured) - len(quiet):
        told += f", {disturbed} of them disturbed"
    if unstable := sum(any(run.warnings for run in pair) for pair in quiet):
        told += f"; in {unstable} the machine's speed was unstable"
    return f"{told}."


def _undisturbed(pairs: Sequence[Pair]) -> list[Pair]:
    """Those during which the machine did nothing else.

    An unstable speed excludes none: it affects both sides alike, and the test of the pairs allows for it.
    """
    return [pair for pair in pairs if not any(run.activity for run in pair)]


def _judge(measured: Sequence[Pair], thresholds: Thresholds) -> Iterator[Verdict]:
    """Judge by the undisturbed pairs; where they are too few, all are unclear."""
    case = measured[0][1].case
    quiet = _undisturbed(measured)
    enough = len(quiet) >= MINIMUM_PAIRS
    judged = quiet if enough else measured
    base, head = zip(*judged, strict=True)
    disturbed = next((pair for pair in measured if pair not in quiet), None)
    warnings = [run.activity for run in disturbed] if disturbed and not enough else [(), ()]
    yield doubt_disturbed(_judge_pairs(judged, thresholds), *warnings)
    yield judge_memory(case, *([run.peak_memory_mib for run in runs] for runs in (base, head)))
    startups = [[run.startup_seconds for run in runs if run.startup_seconds] for runs in (base, head)]
    if all(startups):
        yield doubt_disturbed(judge_startup(case, *startups), *warnings)


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bertbench-gate-", ignore_cleanup_errors=True) as name:
        yield Path(name)
