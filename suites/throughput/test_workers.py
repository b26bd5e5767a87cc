"""The throughput of a second worker: 1 against 2 training processes of one thread each."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from bertbench.measure.machine import read_machine
from bertbench.processes.horovod_launcher import LAUNCHER
from bertbench.pytest_plugin.summary import summary_table
from suites.horovod import skip_without_horovod
from suites.throughput.two_workers import BATCH_SIZE, LAYERS, MAX_SEQ_LENGTH, PRECISION

pytestmark = pytest.mark.benchmark

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600
# Rounds alternate, so a change of the machine's speed affects both sides, but not equally to one percent.
LEEWAY = 1.1
COLUMNS = ("case", "1 worker, examples/s", "2 workers, examples/s", "efficiency")


def test_throughput_of_two_workers_compared_with_one(pytestconfig, tmp_path):
    skip_without_horovod()
    if read_machine().usable_cores < 2:
        pytest.skip("two workers need two cores")
    python = sys.executable
    file = tmp_path / "seconds.json"
    launch = [python, *LAUNCHER, "-np", "2", "-H", "localhost:2"]
    result = subprocess.run(
        [*launch, python, "-m", "suites.throughput.two_workers", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    seconds = {name: statistics.median(times) for name, times in json.loads(file.read_text()).items()}
    one, two = BATCH_SIZE / seconds["alone"], 2 * BATCH_SIZE / seconds["together"]
    efficiency = two / (2 * one)
    case = f"bert-base, {LAYERS} layers, batch {BATCH_SIZE} x {MAX_SEQ_LENGTH}, {PRECISION}"
    table = summary_table(pytestconfig, "workers of one thread each", COLUMNS)
    table.add(case, f"{one:.2f}", f"{two:.2f}", f"{efficiency:.0%}")
    assert 0 < efficiency < LEEWAY, (
        f"two workers make {two:.2f} examples/s, one makes {one:.2f}; two cannot do more than twice the "
        "work of one, so one of the two is measured wrongly"
    )
