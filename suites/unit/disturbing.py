"""A process that really disturbs: it keeps every usable core busy, for a bounded time."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

MOST_SECONDS = 60
BURN = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
end = time.monotonic() + float(sys.argv[2])
print("busy", flush=True)
while time.monotonic() < end:
    pass
"""


@contextlib.contextmanager
def busy_cores() -> Iterator[None]:
    """One busy process pinned to each core that this process may use."""
    command = [sys.executable, "-c", BURN]
    with contextlib.ExitStack() as stack:
        for core in os.sched_getaffinity(0):
            process = stack.enter_context(
                subprocess.Popen([*command, str(core), str(MOST_SECONDS)], stdout=subprocess.PIPE)
            )
            stack.callback(process.kill)
            process.stdout.readline()
        yield
