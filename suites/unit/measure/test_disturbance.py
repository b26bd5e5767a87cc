"""What disturbs a measurement: counted by hand, read from kernel files, and with a real disturbance."""

import dataclasses
import subprocess
import sys
import time

import pytest

from bertbench.measure import disturbance as disturbance_module
from bertbench.measure.control_group import read_throttled_seconds
from bertbench.measure.disturbance import Snapshot, Watch, compare_snapshots
from bertbench.measure.machine import Machine, read_machine
from suites.unit.disturbing import busy_cores

pytestmark = pytest.mark.unit

MACHINE = Machine("CPU", "x86_64", (), ((0, 1, 2, 3),), 4, ((0, 1, 2, 3),), (0, 1, 2, 3), quota=None)
START = Snapshot(wall=100, busy=50, steal=1, own=20, switches=10, throttled=3, overheated=2, swapped=5)
# Ten seconds on four cores, of which this process used 30 and others 0.4.
QUIET = {"wall": 110, "busy": 80.4, "own": 50, "switches": 30}
PEAKS, EFFICIENCIES, CLOCKS = (100, 104, 102), (0.8, 0.82, 0.81), (2000, 2050)


def disturbed(machine=MACHINE, clocks=CLOCKS, peaks=PEAKS, efficiencies=EFFICIENCIES, **changes):
    end = dataclasses.replace(START, **(QUIET | changes))
    return compare_snapshots(machine, START, end, clocks, peaks, efficiencies)


def test_undisturbed_measurement_has_no_warning():
    quiet = disturbed()
    assert quiet.seconds == 10
    assert quiet.others == pytest.approx(0.4 / 40)
    assert quiet.switches == pytest.approx(20 / 40)
    assert quiet.peak_range == pytest.approx(0.04)
    assert quiet.frequency_range == pytest.approx(0.025)
    assert (quiet.steal, quiet.held_back, quiet.overheated, quiet.swapped_mib) == (0, 0, 0, 0)
    assert quiet.warnings == ()


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"busy": 84}, "other processes took 10 % of the CPU time"),
        ({"steal": 3}, "other virtual machines took 5 % of the CPU time"),
        ({"throttled": 3.5}, "a control group throttled it for 5 % of the time"),
        ({"switches": 10 + 4000, "busy": 81.2}, "it lost its core 100 times per second"),
        ({"overheated": 5}, "the CPU was throttled 3 times because of heat"),
        ({"swapped": 105}, "100 MiB were swapped"),
        ({"clocks": (2000, 3000)}, "the clock varied by 50 %"),
        ({"peaks": (100, 300, 200)}, "the GEMM peak varied by 200 %"),
        ({"efficiencies": (0.8, 2.31, 0.8)}, "1 rounds were faster than the GEMM peak"),
    ],
)
def test_each_kind_of_disturbance_gives_a_warning(changes, warning):
    found = disturbed(**changes)
    assert found.warnings == (warning,)
    assert (found.instability if {"clocks", "peaks", "efficiencies"} & set(changes) else found.activity) == (
        warning,
    )


def test_context_switches_between_own_threads_give_no_warning():
    """As seen on an idle machine whose TensorFlow had more threads than cores: 407 switches a second."""
    assert disturbed(switches=10 + 16280).warnings == ()


def test_other_processes_count_only_beyond_cpus_left_by_quota():
    """One of four cores is this process's; others may use three without disturbing it."""
    limited = dataclasses.replace(MACHINE, quota=1.0)
    own = {"own": 30, "busy": 60}
    assert disturbed(limited, **own | {"busy": 60 + 29}).others == 0
    assert disturbed(limited, **own | {"busy": 60 + 32}).others == pytest.approx(0.2)


def test_frequency_range_is_zero_without_clocks():
    assert disturbed(clocks=()).frequency_range == 0


@pytest.mark.parametrize(
    ("files", "seconds"),
    [
        (
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/cpu.stat": "nr_throttled 3\nthrottled_usec 2500000\n",
            },
            2.5,
        ),
        (
            {
                "proc/self/cgroup": "3:cpu,cpuacct:/job\n0::/\n",
                "sys/fs/cgroup/cpu/job/cpu.stat": "nr_periods 9\nnr_throttled 3\nthrottled_time 1500000000\n",
            },
            1.5,
        ),
        ({"proc/self/cgroup": "0::/job\n"}, 0.0),
        ({}, 0.0),
    ],
)
def test_throttled_time_is_read_from_control_group(tmp_path, files, seconds):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert read_throttled_seconds(tmp_path) == pytest.approx(seconds)


def test_thermal_events_of_all_cores_are_summed(tmp_path):
    for core, count in enumerate((3, 4)):
        file = tmp_path / f"sys/devices/system/cpu/cpu{core}/thermal_throttle/core_throttle_count"
        file.parent.mkdir(parents=True)
        file.write_text(f"{count}\n")
    assert Snapshot.take(read_machine(), tmp_path).overheated == 7


def test_own_cpu_time_includes_child_processes():
    before = Snapshot.take(read_machine())
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    child = subprocess.Popen(
        [sys.executable, "-c", f"{burn}\nprint(1, flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        child.stdout.readline()
        exec(burn, {})
        after = Snapshot.take(read_machine())
        child.stdin.close()
    assert after.own - before.own >= 0.85


def test_real_busy_process_gives_a_warning():
    watch = Watch(read_machine())
    watch.note()
    with busy_cores():
        time.sleep(1.0)
        found = watch.finish([100], [0.5])
    assert found.others > disturbance_module.MOST_OTHERS
    assert any(warning.startswith("other processes took") for warning in found.warnings)
