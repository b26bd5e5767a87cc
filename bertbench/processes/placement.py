"""Where on its host a training worker runs: its logical cores and its threads."""

import dataclasses
import os
from dataclasses import dataclass

from bertbench.measure.machine import Machine
from bertbench.measure.threads import CORES_LEFT_TO_SYSTEM, ThreadSettings, default_threads


@dataclass(frozen=True)
class WorkerPlace:
    """The logical cores to run on (none: wherever) and the threads that suit them."""

    cores: tuple[int, ...]
    threads: ThreadSettings

    def bind(self) -> None:
        """Keep this thread and those it will start to the cores; memory comes from where they are."""
        if self.cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, self.cores)


def place_worker(
    machine: Machine, local_rank: int, local_size: int, per_socket: int | None = None
) -> WorkerPlace:
    """The place of one of a host's `local_size` workers.

    Workers fill the host's sockets evenly, neighbouring ranks side by side, or `per_socket` to each; with as
    many workers as NUMA nodes or more, they fill those. Sockets are shared where there are too few. A
    worker that has a host for itself leaves the same number of cores to the system as one of several.
    """
    usable = set(machine.usable)
    sockets = _usable(machine.sockets, usable)
    if per_socket is not None:
        sockets = sockets[: -(-local_size // per_socket)]
    used = usable.intersection(core for cores in sockets for core in cores)
    nodes = _usable(machine.numa_nodes, used)
    domains = nodes if local_size >= len(nodes) > len(sockets) else sockets
    several = len(machine.sockets) > 1 or len(machine.numa_nodes) > 1
    cores = domains[local_rank * len(domains) // local_size] if several else ()
    part = dataclasses.replace(machine, sockets=tuple(sockets), usable=tuple(sorted(used)))
    threads = default_threads(part, local_size)
    if local_size == 1:
        threads = ThreadSettings(max(1, threads.intra - CORES_LEFT_TO_SYSTEM))
    return WorkerPlace(cores, threads)


def _usable(domains: tuple[tuple[int, ...], ...], usable: set[int]) -> list[tuple[int, ...]]:
    kept = (tuple(core for core in cores if core in usable) for cores in domains)
    return [cores for cores in kept if cores]
