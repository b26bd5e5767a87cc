"""Two revisions against each other on this machine: A B A B ..., so that the machine's drift cancels.

Each revision is checked out and installed into an environment of its own under one temporary folder,
which is gone when the comparison ends, however it ends.
"""

import contextlib
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bertbench.console import notice, progress
from bertbench.errors import InputError
from bertbench.gate.limits import EFFICIENCY_THRESHOLD, PAIRS
from bertbench.gate.result import GateResult, Verdict
from bertbench.gate.rules import judge_efficiency, judge_memory, judge_startup
from bertbench.gate.runs import BENCHMARK, BenchmarkRun, run_benchmark, run_process
from bertbench.results.repository import is_dirty, resolve_commit, run_git

_COMMON = ("squad", "--config", "bert-base", "--batch-size", "2", "--steps", "20", "--warmup-steps", "3")
DEFAULT_CASES = tuple((*_COMMON, "--precision", precision) for precision in ("bf16", "fp32"))


@dataclass(frozen=True)
class Build:
    """A revision ready to run."""

    name: str
    python: Path


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
    *,
    cases: Sequence[Sequence[str]] = DEFAULT_CASES,
    pairs: int = PAIRS,
    command: str,
    threshold: float = EFFICIENCY_THRESHOLD,
    install: Callable[[Path, Path], Path] = install_with_pip,
    benchmark: Sequence[str] = BENCHMARK,
) -> GateResult:
    """Build two revisions of the repository at `root`, run each case in turn in both, and judge.

    `cases` are arguments of `bertbench benchmark`. `install(checkout, folder)` makes an environment in
    `folder` and returns its interpreter.

    Raises:
      InputError: a revision does not exist, is the other one, cannot be built, or a run fails.
    """
    commits = [resolve_commit(root, revision) for revision in (base, head)]
    if commits[0] == commits[1]:
        raise InputError(f"{base} and {head} are the same commit, {commits[0]}; commit what is to be judged.")
    with _temporary_folder() as folder, contextlib.ExitStack() as stack:
        builds = [
            stack.enter_context(_build(root, commit, folder / side, install))
            for side, commit in zip(("base", "head"), commits, strict=True)
        ]
        verdicts: list[Verdict] = []
        for number, arguments in enumerate(cases):
            runs = _interleave(builds, arguments, pairs, folder / f"case-{number}", benchmark)
            verdicts += _judge(*runs, threshold)
    notes = [f"{pairs} interleaved pairs of runs on one machine."]
    if is_dirty(root, apart_from="baselines"):
        notes.append("The work tree has changes in no commit; they were not measured.")
    names = [f"{revision} ({commit})" for revision, commit in zip((base, head), commits, strict=True)]
    return GateResult(names[0], names[1], command, tuple(notes), tuple(verdicts))


@contextlib.contextmanager
def _build(root: Path, commit: str, folder: Path, install: Callable[[Path, Path], Path]) -> Iterator[Build]:
    checkout = folder / "checkout"
    notice(f"Building {commit} in an environment of its own ...")
    try:
        run_git(root, "worktree", "add", "--detach", "--quiet", str(checkout), commit)
        yield Build(commit, install(checkout, folder / "environment"))
    finally:
        with contextlib.suppress(InputError):  # it was not added yet
            run_git(root, "worktree", "remove", "--force", str(checkout))
        run_git(root, "worktree", "prune")


def _interleave(
    builds: Sequence[Build], arguments: Sequence[str], pairs: int, folder: Path, benchmark: Sequence[str]
) -> tuple[list[BenchmarkRun], list[BenchmarkRun]]:
    runs: tuple[list[BenchmarkRun], list[BenchmarkRun]] = ([], [])
    with progress(" ".join(arguments), 2 * pairs, "runs") as advance:
        for pair in range(pairs):
            for build, results in zip(builds, runs, strict=True):
                output_dir = folder / f"{pair}-{build.name}"
                results.append(run_benchmark(build.python, arguments, output_dir, benchmark))
                advance(1, efficiency=results[-1].efficiency)
    return runs


def _judge(base: Sequence[BenchmarkRun], head: Sequence[BenchmarkRun], threshold: float) -> Iterator[Verdict]:
    case = head[0].case
    efficiencies = [[run.efficiency for run in runs] for runs in (base, head)]
    yield judge_efficiency(case, *efficiencies, paired=True, threshold=threshold)
    yield judge_memory(case, *([run.peak_memory_mib for run in runs] for runs in (base, head)))
    startups = [[run.startup_seconds for run in runs if run.startup_seconds] for runs in (base, head)]
    if all(startups):
        yield judge_startup(case, *startups)


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A temporary folder that a termination signal does not leave behind either."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="bertbench-gate-", ignore_cleanup_errors=True) as name:
            yield Path(name)
    finally:
        signal.signal(signal.SIGTERM, previous)
