"""Processes that really disturb: orphans, not children of the test, that keep every usable core busy."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

MOST_SECONDS = 60
BURN = """
import os, sys, time
if os.fork():
    os._exit(0)
os.sched_setaffinity(0, {int(sys.argv[1])})
end = time.monotonic() + float(sys.argv[2])
print(os.getpid(), flush=True)
while time.monotonic() < end:
    pass
"""


@contextlib.contextmanager
def busy_cores() -> Iterator[None]:
    """One busy process pinned to each core that this process may use."""
    command = [sys.executable, "-c", BURN]
    with contextlib.ExitStack() as stack:
        for core in os.sched_getaffinity(0):
            parent = subprocess.Popen([*command, str(core), str(MOST_SECONDS)], stdout=subprocess.PIPE)
            stack.enter_context(parent)
            stack.callback(os.kill, int(parent.stdout.readline()), signal.SIGKILL)
        yield
