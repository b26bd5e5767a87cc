"""A child process ends when its parent is killed."""

import signal
import subprocess
import sys

import psutil
import pytest

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end"),
]

GROUP = """
import os, sys
from bertbench.processes.groups import Processes
process = Processes().start([sys.executable, "-c", "import time; time.sleep(60)"], os.environ)
print(process.pid, flush=True)
sys.stdin.read()
"""
POOL = """
import os, sys, time
from bertbench.children import child_processes

if __name__ == "__main__":
    with child_processes(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60)
        sys.stdin.read()
"""


@pytest.mark.parametrize("script", [GROUP, POOL], ids=["started", "worker of a pool"])
def test_child_ends_when_parent_is_killed(tmp_path, script):
    (tmp_path / "parent.py").write_text(script)
    command = [sys.executable, str(tmp_path / "parent.py")]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert psutil.wait_procs([child], timeout=5)[1] == []
