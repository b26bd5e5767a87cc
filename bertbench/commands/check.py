"""`bertbench check`: run every check of a project file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bertbench.commands.options import ThreadOptions
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import notice, print_json, say
from bertbench.errors import BertbenchError, CannotJudge, GateFailed
from bertbench.files import make_directory
from bertbench.options import Option, Settings
from bertbench.project import ACCURACY, THROUGHPUT, Project, ProjectCheck, find_project_file, read_project

if TYPE_CHECKING:
    from bertbench.project_checks import JudgedScore, JudgedSpeed, ProjectChecks

FAIL, UNCLEAR = "fail", "unclear"


@dataclass(frozen=True)
class CheckOptions(Settings):
    """The options of `bertbench check`."""

    file: Annotated[Path | None, Option(positional=True, metavar="[BERTBENCH.TOML]")] = None
    select: Annotated[
        str | None,
        Option(
            "Judge only the check of this name, or those with this text in their name, such as bf16.",
            names=("-k", "--select"),
            group="data",
        ),
    ] = None
    only: Annotated[
        str | None, Option("Judge only checks of this kind.", choices=(ACCURACY, THROUGHPUT), group="data")
    ] = None
    record_baselines: Annotated[
        bool, Option("Store the results of this run as the baselines.", group="output", switch=True)
    ] = False
    allow_dirty: Annotated[
        bool, Option("Record even if the work tree has uncommitted changes.", group="output", switch=True)
    ] = False
    output_dir: Annotated[
        Path | None,
        Option("Write results here, for `bertbench gate` and `bertbench report`.", group="output"),
    ] = None
    threads: ThreadOptions = field(default_factory=ThreadOptions)


@dataclass(frozen=True)
class CheckVerdict:
    """The verdict of one check; `result` is None if the check could not be run."""

    check: ProjectCheck
    verdict: str
    detail: str
    result: "JudgedScore | JudgedSpeed | None" = None

    @property
    def name(self) -> str:
        """The check's name."""
        return self.check.name

    def show(self) -> None:
        """Print it as one line."""
        say(f"{self.verdict:9} {self.name}: {self.detail}")
        values = {"name": self.name, "kind": self.check.kind, "verdict": self.verdict, "detail": self.detail}
        print_json(values, indent=None)


def check(options: CheckOptions) -> None:
    """Run the checks of the project file."""
    project = read_project(options.file or find_project_file(Path.cwd()))
    selected = _select(project, options)
    if options.output_dir is not None:
        make_directory(options.output_dir)
    if options.record_baselines:
        from bertbench.project_results import require_recordable

        require_recordable(project, allow_dirty=options.allow_dirty)
    threads = options.threads.start(trains=False)

    from bertbench.project_checks import JudgedScore, JudgedSpeed, ProjectChecks, without_result
    from bertbench.project_results import record, write_results

    checks = ProjectChecks(project, threads, recording=options.record_baselines)
    verdicts = []
    for made in selected:
        verdicts.append(_judge(checks, made))
        verdicts[-1].show()
    results = [verdict.result for verdict in verdicts]
    scores = [(result.case, result.items) for result in results if isinstance(result, JudgedScore)]
    speeds = [result.figures for result in results if isinstance(result, JudgedSpeed)]
    failed = any(verdict.verdict == FAIL for verdict in verdicts)  # such a run records nothing
    if options.record_baselines and not failed:  # before --output-dir adds files to the work tree
        for path in record(project, scores, speeds, allow_dirty=options.allow_dirty):
            notice(f"{path}: recorded; commit it")
    if options.output_dir is not None:
        judged = [
            verdict for result in results if isinstance(result, JudgedSpeed) for verdict in result.verdicts
        ]
        judged += [without_result(made.check, made.detail) for made in verdicts if made.result is None]
        write_results(options.output_dir, scores, speeds, judged)
        notice(f"{options.output_dir}: results written")
    _raise(verdicts, FAIL, GateFailed)
    _raise(verdicts, UNCLEAR, CannotJudge)


command = TypedCommand(
    "check",
    check,
    CheckOptions,
    help="""Judge the models of a bertbench.toml, and print one verdict per line.

    Without a file, bertbench.toml or pyproject.toml of this folder is used. Each model's score is compared
    with its baseline and, in bf16, with fp32; its speed with the baseline of the same machine.
    With --json, each line is a JSON object.

    \b
    Exit status: 0 all pass, 1 one failed, 2 bad input, 3 one could not be judged.

    \b
    Examples:
      bertbench check --record-baselines
      bertbench check --only accuracy -k bf16 --output-dir results
    """,
)


def _select(project: Project, options: CheckOptions) -> list[ProjectCheck]:
    """The checks that the options select: the one of the given name, or all whose name contains the text."""
    text, kind = options.select or "", options.only
    of_kind = [made for made in project.checks if kind in (None, made.kind)]
    selected = [made for made in of_kind if made.name == text] or [
        made for made in of_kind if text in made.name
    ]
    if not selected:
        wanted = " and ".join(filter(None, (kind, text and repr(text))))
        names = ", ".join(made.name for made in project.checks)
        raise CannotJudge(f"{project.file}: no check matches {wanted}; its checks are {names}.")
    return selected


def _judge(checks: "ProjectChecks", made: ProjectCheck) -> CheckVerdict:
    try:
        result = checks.judge(made)
    except CannotJudge as error:
        return CheckVerdict(made, UNCLEAR, str(error))
    return CheckVerdict(made, result.ruling, result.detail, result)


def _raise(verdicts: Sequence[CheckVerdict], ruling: str, error: type[BertbenchError]) -> None:
    """Raise an error that names the checks with this ruling, if there are any."""
    if names := [verdict.name for verdict in verdicts if verdict.verdict == ruling]:
        raise error(f"{ruling}: {', '.join(names)}.")
