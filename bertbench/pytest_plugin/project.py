"""A project's checks as pytest items, and the files that a session with them writes."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bertbench.errors import BertbenchError, CannotJudge, GateFailed, InputError
from bertbench.files import make_directory
from bertbench.formatting import format_number, percent, signed
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import default_threads
from bertbench.project import ACCURACY, THROUGHPUT, Project, ProjectCheck, read_project
from bertbench.pytest_plugin.accuracy import accuracy_table, closing_line, conclude
from bertbench.pytest_plugin.plugin import is_xdist_worker, may_record, require_alone, told_at_end
from bertbench.pytest_plugin.summary import SessionSummary, summary_of
from bertbench.runtime import import_quietly

if TYPE_CHECKING:
    from bertbench.project_checks import JudgedSpeed, ProjectChecks

MARKERS = {ACCURACY: "accuracy", THROUGHPUT: "benchmark"}
COLUMNS = ("case", "verdict", "examples/s", "efficiency", "change", "allowed drop", "reason")
SHORT = COLUMNS[:6]
FILES = pytest.StashKey[dict[str, Path]]()  # the project file of each check


class ProjectFile(pytest.File):
    """A `bertbench.toml`, or the tables of a `pyproject.toml`."""

    def collect(self) -> Iterator["ProjectItem"]:
        """An item per check."""
        try:
            project = read_project(self.path)
            self._require_distinct(project)
            self._require_outputs(project)
        except BertbenchError as error:
            raise self.CollectError(str(error)) from None
        checks = functools.cache(lambda: _open(project, recording=self.config.option.record_baselines))
        for check in project.checks:
            yield ProjectItem.from_parent(self, name=check.name, check=check, checks=checks)

    def _require_distinct(self, project: Project) -> None:
        """Reject a second project with a check of the same name: results and baselines have only the name."""
        files = self.config.stash.setdefault(FILES, {})
        for check in project.checks:
            if (other := files.setdefault(check.name, self.path)) != self.path:
                raise InputError(
                    f"{self.path}: {check.name} is also in {other}; rename one of the models, or run pytest "
                    "for one file at a time."
                )

    def _require_outputs(self, project: Project) -> None:
        """Reject outputs before anything is measured, if they could not be written at the end."""
        option = self.config.option
        if option.results_dir:
            make_directory(option.results_dir)
        if option.record_baselines:
            from bertbench.project_results import require_recordable

            require_recordable(project, allow_dirty=option.allow_dirty)


class ProjectItem(pytest.Item):
    """One check."""

    def __init__(
        self, *, check: ProjectCheck, checks: "Callable[[], ProjectChecks]", name: str, parent: ProjectFile
    ) -> None:
        super().__init__(name, parent)
        self._check, self._checks = check, checks
        self.add_marker(MARKERS[check.kind])

    def runtest(self) -> None:
        """Judge the check.

        Raises:
          GateFailed: it fails. CannotJudge: it is unclear. InputError: it cannot be run.
        """
        if self._check.kind == THROUGHPUT:
            require_alone(self.config)
        checks = self._checks()
        summary = summary_of(self.config)
        summary.origins[self.name] = str(self.path)
        from bertbench.project_checks import JudgedSpeed, without_result

        try:
            judged = checks.judge(self._check)
        except BertbenchError as error:
            summary.judgments.append(without_result(self._check, str(error)))
            raise
        if isinstance(judged, JudgedSpeed):
            _conclude_speed(summary, judged)
        else:
            conclude(self.config, judged.case, judged.items, judged.looks, recording=checks.recording)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Its name in headings."""
        return self.path, None, self.name


@pytest.hookimpl(tryfirst=True)  # recording needs the work tree without the files that others write now
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the results, record the baselines, and report the outcome of the checks."""
    config, summary = session.config, summary_of(session.config)
    if is_xdist_worker(config) or not summary.origins:
        return
    from bertbench.project_results import write_results

    scores = [(entry.case, entry.items) for entry in summary.cases.values()]
    if config.option.record_baselines:
        _record(session, summary)
    if config.option.results_dir:
        speeds = list(summary.speeds.values())
        with told_at_end(session, summary.verdicts):
            write_results(config.option.results_dir, scores, speeds, summary.judgments)
    if summary.cases or summary.unscored:
        summary.verdicts.append(closing_line(config))


def _record(session: pytest.Session, summary: SessionSummary) -> None:
    """Store the results as baselines of their project, unless something failed."""
    from bertbench.project_results import record

    notes = accuracy_table(session.config).notes
    if not may_record(session, notes):
        return
    projects = {path: read_project(Path(path)) for path in sorted(set(summary.origins.values()))}
    baselines = [project.baselines for project in projects.values()]
    for path, project in projects.items():
        names = {name for name, origin in summary.origins.items() if origin == path}
        scores = [(entry.case, entry.items) for name, entry in summary.cases.items() if name in names]
        speeds = [figures for name, figures in summary.speeds.items() if name in names]
        with told_at_end(session, summary.verdicts):
            allow_dirty = session.config.option.allow_dirty
            written = record(project, scores, speeds, allow_dirty=allow_dirty, outputs=baselines)
            summary.verdicts += [f"{file}: recorded; commit it" for file in written]


def _open(project: Project, *, recording: bool) -> "ProjectChecks":
    import_quietly()

    from bertbench.project_checks import ProjectChecks

    return ProjectChecks(project, default_threads(read_machine()), recording=recording)


def _conclude_speed(summary: SessionSummary, judged: "JudgedSpeed") -> None:
    """End a test with its throughput verdict; raises as `ProjectItem.runtest`."""
    summary.speeds[judged.name] = dict(judged.figures)
    summary.judgments += judged.verdicts
    verdict = judged.verdict
    summary.table("throughput", COLUMNS, SHORT).add(
        judged.name,
        judged.ruling,
        format_number(judged.figures["examples_per_second"]),
        percent(verdict.head),
        "–" if verdict.change is None else f"{signed(100 * verdict.change, 1)} %",
        percent(verdict.threshold),
        verdict.detail,
    )
    if judged.ruling == "fail":
        raise GateFailed(f"{judged.name}: {judged.detail}")
    if judged.ruling == "unclear":
        raise CannotJudge(f"{judged.name}: {judged.detail}")
