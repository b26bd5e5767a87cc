"""The end of a session of judged tests: verdicts last, tables of 80 columns, the same in xdist's workers."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit

TESTS = """
import numpy as np
import pytest

from bertbench.errors import CannotJudge, GateFailed, InputError
from bertbench.evaluation.items import Items
from bertbench.gate.accuracy import compare_items
from bertbench.pytest_plugin.accuracy import closing_line, conclude
from bertbench.pytest_plugin.plugin import is_xdist_worker
from bertbench.pytest_plugin.summary import summary_of, summary_table
from bertbench.results.accuracy import AccuracyCase

NAME = "bf16-squad-inference-of-a-model-with-a-name-that-no-column-holds"


@pytest.mark.parametrize("lost", LOST)
def test_case(lost, pytestconfig):
    base = np.full(300, 100.0)
    head = np.where(np.arange(300) < lost, 0.0, base)
    sides = [Items.numbered({"f1": values}) for values in (base, head)]
    made = compare_items("f1", *sides, 1.0, against="fp32")
    case = AccuracyCase(
        f"{NAME}-{lost}", "squad", "bf16", "inference", "f1", {"f1": made.score}, 1.0, made.verdict,
        "c", "d", 300, (made,), command="pytest x",
    )
    conclude(pytestconfig, case, sides[1], {"fp32": "bertbench compare A B"})
"""
CONFTEST = """
from bertbench.pytest_plugin.accuracy import closing_line
from bertbench.pytest_plugin.plugin import is_xdist_worker
from bertbench.pytest_plugin.summary import summary_of


def pytest_sessionfinish(session):
    if not is_xdist_worker(session.config):
        summary_of(session.config).verdicts.append(closing_line(session.config))
"""


@pytest.fixture
def run_session(tmp_path):
    """A session of one case for each number of lost answers of 300."""

    def run(*lost, options=()):
        (tmp_path / "conftest.py").write_text(CONFTEST)
        (tmp_path / "test_it.py").write_text(TESTS.replace("LOST", repr(list(lost))))
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "bertbench.pytest_plugin.plugin",
            "-p",
            "no:cacheprovider",
        ]
        done = subprocess.run(
            [*command, *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=os.environ | {"COLUMNS": "80"},
        )
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
@pytest.mark.parametrize(
    ("lost", "status", "last"),
    [
        ((0,), 0, "accuracy: 1 of 1 cases passed"),
        ((0, 2), 3, "accuracy: 1 of 2 cases passed; unclear: bf16-"),
        ((0, 2, 60), 1, "accuracy: 1 of 3 cases passed; fail: bf16-"),
    ],
)
def test_session_ends_with_verdict_and_exit_status(run_session, workers, lost, status, last):
    ended, out = run_session(*lost, options=workers)
    assert ended == status, out
    *_, verdict, closing = out.splitlines()
    assert verdict.startswith(last)
    assert closing == f"exit status {status}"
    assert ("unclear" in out) == (2 in lost)


def test_table_has_80_columns_and_all_columns_with_verbose(run_session):
    _, out = run_session(0, 2)
    table = out.partition(" accuracy ")[2].partition("====\n1 passed")[0].splitlines()
    rows = [line for line in table if line.startswith(("case ", "bf16-", "e-that"))]
    assert len(rows) >= 5
    assert max(map(len, rows[:5])) <= 80
    assert "95 % interval" not in rows[0]
    _, out = run_session(0, 2, options=("-v",))
    assert "95 % interval" in out


def test_unclear_case_is_reported_with_remedy(run_session):
    _, out = run_session(2)
    assert "a loss beyond the tolerance is not excluded; about" in out
    assert "details: bertbench compare A B" in out
    assert "1 unclear" in out
    assert "Traceback" not in out
