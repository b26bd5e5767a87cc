"""Chooses the cores and threads of a process, and binds it to the cores."""

import contextlib
import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench import console
from bertbench.errors import InputError
from bertbench.measure.machine import Machine, parse_cpu_list
from bertbench.measure.threads import CORES_LEFT_TO_SYSTEM, ThreadSettings, default_threads


@dataclass(frozen=True)
class Placement:
    """The cores and threads of one process.

    Attributes:
      cores: the logical cores to run on; empty: any.
      threads: TensorFlow's threads for these cores; None: the default of this machine.
      node: the NUMA node to allocate memory on, if one was requested.
    """

    cores: tuple[int, ...] = ()
    threads: ThreadSettings | None = None
    node: int | None = None

    def bind(self) -> None:
        """Bind this thread, and those that it starts later, to the cores; memory is allocated near them."""
        if self.cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, self.cores)


def place_single(machine: Machine, node: int | None, cores: int | None, root: Path = Path("/")) -> Placement:
    """Place one process on a NUMA node, on a number of physical cores, on both, or anywhere.

    Raises:
      InputError: the machine does not have this node or this many cores.
    """
    if node is None and cores is None:
        return Placement()
    physical = [core for group in _usable_nodes(machine, node, root) for core in group]
    if cores is None:
        return Placement(tuple(sorted(thread for core in physical for thread in core)), None, node)
    if cores > len(physical):
        raise InputError(f"--num-cores is {cores}; there are {len(physical)} usable physical cores.")
    threads = sorted(thread for core in physical[:cores] for thread in core)
    return Placement(tuple(threads), ThreadSettings(cores), node)


def place_instances(
    machine: Machine,
    cores: int | str | None,
    node: int | None,
    count: int | None = None,
    root: Path = Path("/"),
) -> tuple[Placement, ...]:
    """Place several processes, each on `cores` physical cores or, with "socket", on a whole NUMA node.

    Only the first hardware thread of each core is used; remaining cores stay idle.

    Args:
      cores: None divides the cores evenly among `count` processes.
      count: the number of processes; None: as many as fit.

    Raises:
      InputError: the machine does not have this node or this many cores.
    """
    nodes = [[core[0] for core in group] for group in _usable_nodes(machine, node, root)]
    if isinstance(cores, str):
        groups = nodes
    else:
        flat = [core for group in nodes for core in group]
        if cores is None:
            cores = max(1, len(flat) // (count or 1))
        if cores > len(flat):
            raise InputError(
                f"--numa-cores-per-instance is {cores}; there are {len(flat)} usable physical cores."
            )
        groups = [flat[start : start + cores] for start in range(0, len(flat) - cores + 1, cores)]
    if count is not None and count > len(groups):
        each = "a NUMA node" if isinstance(cores, str) else f"{cores} physical core{'s' * (cores > 1)}"
        raise InputError(f"--num-instances is {count}; with {each} for each, only {len(groups)} fit.")
    return tuple(Placement(tuple(group), ThreadSettings(len(group))) for group in groups[:count])


def count_cores(machine: Machine, placement: Placement, root: Path = Path("/")) -> int:
    """The number of usable physical cores of a placement; without one, those of a socket."""
    sockets = _keep_usable(machine.sockets, set(machine.usable))
    logical = placement.cores or max(sockets, key=len)
    return min(len(_physical_cores(logical, root)), machine.usable_cores)


def place_worker(
    machine: Machine, local_rank: int, local_size: int, per_socket: int | None = None
) -> Placement:
    """Place one of the `local_size` training workers of this host.

    Workers are distributed evenly over the sockets, neighboring ranks together, or `per_socket` on each. If
    there are at least as many workers as NUMA nodes, they are distributed over the nodes instead. If there
    are too few sockets, workers share them. A single worker also leaves some cores to the system.
    """
    usable = set(machine.usable)
    sockets = _keep_usable(machine.sockets, usable)
    if per_socket is not None:
        sockets = sockets[: -(-local_size // per_socket)]
    used = usable.intersection(core for cores in sockets for core in cores)
    nodes = _keep_usable(machine.numa_nodes, used)
    domains = nodes if local_size >= len(nodes) > len(sockets) else sockets
    several = len(machine.sockets) > 1 or len(machine.numa_nodes) > 1
    cores = domains[local_rank * len(domains) // local_size] if several else ()
    part = dataclasses.replace(machine, sockets=tuple(sockets), usable=tuple(sorted(used)))
    threads = default_threads(part, local_size)
    if local_size == 1:
        threads = ThreadSettings(max(1, threads.intra - CORES_LEFT_TO_SYSTEM))
    return Placement(cores, threads)


def _usable_nodes(machine: Machine, node: int | None, root: Path) -> list[list[tuple[int, ...]]]:
    """For each NUMA node (or the requested one): its usable physical cores as tuples of logical cores."""
    if node is not None and node >= len(machine.numa_nodes):
        raise InputError(
            f"--socket-id is {node}; this machine's nodes are 0 to {len(machine.numa_nodes) - 1}."
        )
    chosen = machine.numa_nodes if node is None else machine.numa_nodes[node : node + 1]
    nodes = _keep_usable(chosen, set(machine.usable))
    if not nodes:
        raise InputError(f"--socket-id is {node}; this process may not use any core of that node.")
    return [_physical_cores(cores, root) for cores in nodes]


def _physical_cores(logical: Sequence[int], root: Path) -> list[tuple[int, ...]]:
    """Logical cores grouped by the physical core they share (kernel: "cputopology")."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for core in sorted(logical):
        groups.setdefault(_siblings(core, root), []).append(core)
    return [tuple(group) for group in groups.values()]


def _siblings(core: int, root: Path) -> tuple[int, ...]:
    try:
        path = root / f"sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list"
        return parse_cpu_list(path.read_text())
    except (OSError, ValueError):
        return (core,)


def _keep_usable(domains: tuple[tuple[int, ...], ...], usable: set[int]) -> list[tuple[int, ...]]:
    kept = (tuple(core for core in cores if core in usable) for cores in domains)
    return [cores for cores in kept if cores]


@contextlib.contextmanager
def bound(placement: Placement) -> Iterator[list[str]]:
    """Yield the prefix of a command that binds it to the cores.

    If numactl is missing or not permitted, the prefix is empty: this process is bound during the context, and
    the processes that it starts inherit that.
    """
    if not placement.cores:
        yield []
        return
    cores = ",".join(str(core) for core in placement.cores)
    memory = "--localalloc" if placement.node is None else f"--membind={placement.node}"
    prefix = ["numactl", f"--physcpubind={cores}", memory]
    if _can_bind(prefix):
        yield prefix
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, placement.cores)
    try:
        yield []
    finally:
        os.sched_setaffinity(0, before)


def _can_bind(prefix: Sequence[str]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
        return True
    console.notice("numactl is not permitted to bind here; binding by affinity instead.")
    return False
