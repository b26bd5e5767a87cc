"""The other limit beside matrix products: how fast memory streams."""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bertbench.measure.machine import read_machine
from bertbench.measure.timing import time_call

ELEMENTS = 1 << 24  # 64 MiB an array, three of which exceed the last cache of most machines
ROUNDS = 20


@functools.cache
def memory_bandwidth() -> float:
    """GB/s of c = a + b over float32 arrays beyond the caches, on every usable core, best of rounds.

    Two arrays are read and one is written, as STREAM's Add counts (McCalpin 1995). Measured once a process.
    """
    cores = read_machine().usable_cores
    first, second, total = (np.ones(ELEMENTS, np.float32) for _ in range(3))
    parts = [np.array_split(array, cores) for array in (first, second, total)]
    with ThreadPoolExecutor(cores) as pool:
        best = min(time_call(lambda: list(pool.map(np.add, *parts))) for _ in range(ROUNDS))
    return 3 * first.nbytes / best / 1e9
