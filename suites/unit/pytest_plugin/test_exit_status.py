"""The exit status of a session with several verdicts."""

from types import SimpleNamespace

import pytest

from bertbench.pytest_plugin.plugin import worsen

pytestmark = pytest.mark.unit

OK, FAILED, INTERRUPTED, INPUT_ERROR, UNCLEAR, NO_TESTS = 0, 1, 130, 2, 3, 5


@pytest.mark.parametrize(
    ("before", "status", "after"),
    [
        (OK, UNCLEAR, UNCLEAR),
        (UNCLEAR, OK, UNCLEAR),
        (UNCLEAR, INPUT_ERROR, INPUT_ERROR),
        (UNCLEAR, FAILED, FAILED),
        (FAILED, UNCLEAR, FAILED),
        (FAILED, INPUT_ERROR, FAILED),
        (INPUT_ERROR, UNCLEAR, INPUT_ERROR),
        (NO_TESTS, UNCLEAR, NO_TESTS),
        (INTERRUPTED, FAILED, INTERRUPTED),
    ],
)
def test_session_ends_with_the_worst_status(before, status, after):
    session = SimpleNamespace(exitstatus=before)
    worsen(session, status)
    assert session.exitstatus == after
