"""The end of started processes."""

import os
import signal
import sys
import time

import pytest

from bertbench.processes import groups
from bertbench.processes.groups import Processes, output_lines

pytestmark = pytest.mark.unit

IGNORES_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started", flush=True)
time.sleep(60)
"""


def start_and_stop(processes):
    """Start a process, and be stopped by SIGTERM meanwhile."""
    with processes.ended_on_signals():
        process = processes.start([sys.executable, "-c", IGNORES_SIGTERM], os.environ)
        assert next(output_lines(process)) == "started"
        os.kill(os.getpid(), signal.SIGTERM)


def test_process_that_ignores_sigterm_is_killed(monkeypatch):
    monkeypatch.setattr(groups, "SECONDS_TO_END", 0.5)
    processes = Processes()
    began = time.monotonic()
    with pytest.raises(SystemExit) as stopped:
        start_and_stop(processes)
    (process,) = processes._running
    assert (stopped.value.code, process.returncode) == (143, -signal.SIGKILL)
    assert time.monotonic() - began < 30
