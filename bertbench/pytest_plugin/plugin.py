"""The hooks: a third outcome of tests, results collected from workers, and a summary that ends with verdicts.

A test that raises `CannotJudge` is neither passed nor failed but unclear. A session in which nothing failed
and something is unclear ends with the exit status of `CannotJudge`, 3.
"""

import contextlib
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bertbench.errors import BertbenchError, CannotJudge, GateFailed, InputError
from bertbench.pytest_plugin.summary import summary_of

UNCLEAR = "unclear"
# Of two exit statuses the session has the later one: bad input explains an unclear verdict, not a failure.
_WORSE = (0, CannotJudge.exit_status, InputError.exit_status, GateFailed.exit_status)
_PACKED = "bertbench"


class Endings:
    """Counts the outcomes of tests in all processes.

    Attributes:
      failed, unclear: number of such reports.
      markers: reports of tests with a marker, by its name, and of `all` tests.
    """

    def __init__(self) -> None:
        self.failed = 0
        self.unclear = 0
        self.markers: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a report."""
        self.markers.update(["all", *report.keywords])
        if is_unclear(report):
            self.unclear += 1
        elif report.failed:
            self.failed += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that cannot be collected as failed."""
        self.failed += report.failed


class XdistWorker:
    """Sends what one worker of pytest-xdist has collected to the main process."""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send it before the worker reports that it has finished."""
        vars(session.config)["workeroutput"][_PACKED] = summary_of(session.config).pack()


ENDINGS = pytest.StashKey[Endings]()


def is_unclear(report: Any) -> bool:
    """Whether a test could not judge."""
    return getattr(report, UNCLEAR, False)


def is_xdist_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of pytest-xdist, whose results the main process collects."""
    return hasattr(config, "workerinput")


def require_alone(config: pytest.Config) -> None:
    """Check that no other process of the session runs tests during a measurement.

    Raises:
      InputError: this process is a worker of pytest-xdist.
    """
    if is_xdist_worker(config):
        raise InputError(
            "throughput cannot be measured by parallel test processes; run pytest without -n, or skip the "
            "benchmarks with -m 'not benchmark'."
        )


@contextlib.contextmanager
def told_at_end(session: pytest.Session, lines: list[str]) -> Iterator[None]:
    """Add a `BertbenchError` to the lines and set its exit status: pytest shows none at a session's end."""
    try:
        yield
    except BertbenchError as error:
        lines.append(str(error))
        worsen(session, error.exit_status)


def worsen(session: pytest.Session, status: int) -> None:
    """Set the session's exit status to another one if that is worse."""
    if session.exitstatus in _WORSE:
        session.exitstatus = max(int(session.exitstatus), status, key=_WORSE.index)


def may_record(session: pytest.Session, notes: list[str]) -> bool:
    """Whether a session's results may become baselines: nothing failed. Otherwise a note says so."""
    if session.exitstatus in (pytest.ExitCode.OK, CannotJudge.exit_status):
        return True
    notes.append("No baseline was recorded, because the session failed.")
    return False


def output_folders(config: pytest.Config) -> list[Path]:
    """The folders beside the baselines whose new files do not count as changes of the work tree."""
    return [config.option.results_dir] if config.option.results_dir else []


def pytest_configure(config: pytest.Config) -> None:
    """Start counting."""
    config.stash[ENDINGS] = Endings()
    config.pluginmanager.register(config.stash[ENDINGS])
    if is_xdist_worker(config):
        config.pluginmanager.register(XdistWorker())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show only the message of a `BertbenchError`, and mark tests that could not judge."""
    report = yield
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, BertbenchError):
        report.longrepr = str(error)
    if isinstance(error, CannotJudge):
        setattr(report, UNCLEAR, True)
    return report


def pytest_report_teststatus(report: Any) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """The letter and the word for tests that could not judge."""
    return (UNCLEAR, "?", ("UNCLEAR", {"yellow": True})) if is_unclear(report) else None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add what a worker of pytest-xdist has collected."""
    packed = getattr(node, "workeroutput", {}).get(_PACKED)
    if packed is not None:
        summary_of(node.config).add(packed)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Set the exit status before other plugins read it; print the verdicts after all their output."""
    config = session.config
    endings = config.stash[ENDINGS]
    if endings.unclear and not endings.failed and session.exitstatus == pytest.ExitCode.TESTS_FAILED:
        session.exitstatus = CannotJudge.exit_status
    yield
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not is_xdist_worker(config):
        summary_of(config).print_verdicts(terminal, int(session.exitstatus))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what could not be judged and why, then the tables."""
    if unclear := terminalreporter.getreports(UNCLEAR):
        terminalreporter.section(UNCLEAR)
        for report in unclear:
            terminalreporter.write_line(report.longreprtext)
    summary_of(config).print_tables(terminalreporter)
