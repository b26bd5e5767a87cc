"""Measures one call: time, percentiles, peak memory, start-up."""

import gc
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

LATENCY_PERCENTILES = (50, 90, 99)
_STAT = Path("/proc/self/stat")
_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # Linux, Documentation/filesystems/proc.rst: resets the peak resident set size


def time_call(call: Callable[[], object]) -> float:
    """Seconds of one call, with Python's garbage collector disabled."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
    finally:
        if collecting:
            gc.enable()


def latency_percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """The most seconds that 50, 90 and 99 % of the calls took, as `p50`, `p90` and `p99`.

    The p-th percentile is the least time that p % of all times do not exceed (nearest rank), so it is one
    that was measured. A percentile that depends on the slowest call alone is omitted: p90 needs 10 calls, p99
    100.
    """
    ordered = sorted(seconds)
    ranks = {percent: math.ceil(percent / 100 * len(ordered)) for percent in LATENCY_PERCENTILES}
    return {
        f"p{percent}": ordered[rank - 1]
        for percent, rank in ranks.items()
        if rank < len(ordered) or percent == LATENCY_PERCENTILES[0]
    }


def reset_peak_memory() -> None:
    """Reset the peak, if the system can do so (Linux)."""
    gc.collect()
    if _CLEAR_REFS.exists():
        _CLEAR_REFS.write_text(_RESET_PEAK)


def peak_memory_mib() -> float:
    """The peak resident memory of this process in MiB, since its start or the last reset."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def seconds_since_start() -> float:
    """Seconds since this process was started, including the start of the interpreter; to 10 ms on Linux."""
    if _STAT.exists():
        # Field 22, counted after the command's closing parenthesis: clock ticks from boot to start (proc(5)).
        ticks = int(_STAT.read_text().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - psutil.Process().create_time()
