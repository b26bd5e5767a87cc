"""The memory bandwidth, the limit of everything except matrix products."""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bertbench.measure.machine import read_machine
from bertbench.measure.timing import time_call

ELEMENTS = 1 << 24  # 64 MiB per array; three arrays exceed the last-level cache of most machines
ROUNDS = 20


@functools.cache
def memory_bandwidth() -> float:
    """GB/s of c = a + b for float32 arrays larger than the caches, on all usable cores, best of the rounds.

    Two arrays are read and one is written, as in STREAM's Add (McCalpin 1995). Measured once per process.
    """
    cores = read_machine().usable_cores
    first, second, total = (np.ones(ELEMENTS, np.float32) for _ in range(3))
    parts = [np.array_split(array, cores) for array in (first, second, total)]
    with ThreadPoolExecutor(cores) as pool:
        best = min(time_call(lambda: list(pool.map(np.add, *parts))) for _ in range(ROUNDS))
    return 3 * first.nbytes / best / 1e9
