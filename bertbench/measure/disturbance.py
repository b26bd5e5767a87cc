"""Other activity of the machine during a measurement, and whether it disturbed the measurement."""

import multiprocessing
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bertbench.formatting import percent
from bertbench.measure.control_group import read_text, read_throttled_seconds
from bertbench.measure.machine import Machine

# Beyond these a measurement counts as disturbed. Shares are of the CPU time of the cores in use.
MOST_STEAL = 0.02  # time that the hypervisor gave to other virtual machines
MOST_OTHERS = 0.05  # time of other processes; those of an idle system take one or two percent
MOST_HELD_BACK = 0.01  # time in which a control group's limit stopped this process
MOST_SWITCHES = 50.0  # involuntary context switches per second on each core: a busy neighbor causes hundreds,
SWITCHING_OTHERS = 0.025  # but so do a process's own threads: they count beside others that took this much
MOST_SWAPPED_MIB = 8.0
MOST_FREQUENCY_RANGE = 0.10
MOST_PEAK_RANGE = 0.20  # between the highest and the lowest GEMM peak: on a quiet machine a few percent
MOST_ROUND_EFFICIENCY = 1.05  # of a single round: a call cannot be faster than its own products
MIB = 2**20
_BUSY = ("user", "nice", "system", "irq", "softirq")


@dataclass(frozen=True)
class Snapshot:
    """Counters at one moment, in seconds unless stated otherwise.

    Attributes:
      busy, steal: of the usable cores; own: CPU time of this process and its children.
      switches: involuntary context switches of this process. throttled: by a control group.
      overheated: events of thermal throttling. swapped: MiB to and from swap.
    """

    wall: float
    busy: float
    steal: float
    own: float
    switches: int
    throttled: float
    overheated: int
    swapped: float

    @classmethod
    def take(cls, machine: Machine, root: Path = Path("/")) -> "Snapshot":
        """The counters now."""
        times = psutil.cpu_times(percpu=True)
        cores = [times[core] for core in machine.usable if core < len(times)]
        swap = psutil.swap_memory()
        return cls(
            wall=time.monotonic(),
            busy=sum(getattr(core, name, 0.0) for core in cores for name in _BUSY),
            steal=sum(getattr(core, "steal", 0.0) for core in cores),
            own=_own_seconds(),
            switches=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
            throttled=read_throttled_seconds(root),
            overheated=sum(_thermal_events(root)),
            swapped=(swap.sin + swap.sout) / MIB,
        )


@dataclass(frozen=True)
class Disturbance:
    """Other activity during a measurement; shares are of the CPU time of the cores in use.

    Attributes:
      seconds: how long it lasted.
      others: CPU time of other processes. steal: CPU time of other virtual machines.
      held_back: time in which a control group's limit stopped this process, as a share of the whole.
      switches: involuntary context switches per second on each core.
      overheated: events of thermal throttling. swapped_mib: to and from swap.
      frequency_range, peak_range: highest over lowest, less 1, of the clock and of the GEMM peak.
      rounds_above_peak: rounds whose efficiency exceeds `MOST_ROUND_EFFICIENCY`.
    """

    seconds: float
    others: float = 0.0
    steal: float = 0.0
    held_back: float = 0.0
    switches: float = 0.0
    overheated: int = 0
    swapped_mib: float = 0.0
    frequency_range: float = 0.0
    peak_range: float = 0.0
    rounds_above_peak: int = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """A text for each value beyond its bound; empty for an undisturbed measurement."""
        return (*self.activity, *self.instability)

    @property
    def activity(self) -> tuple[str, ...]:
        """The warnings of what else the machine did: it may affect one measurement and not the next."""
        conditions = {
            f"other processes took {percent(self.others, 0)} of the CPU time": self.others > MOST_OTHERS,
            f"other virtual machines took {percent(self.steal, 0)} of the CPU time": self.steal > MOST_STEAL,
            f"a control group throttled it for {percent(self.held_back, 0)} of the time": (
                self.held_back > MOST_HELD_BACK
            ),
            f"it lost its core {self.switches:.0f} times per second": (
                self.switches > MOST_SWITCHES and self.others > SWITCHING_OTHERS
            ),
            f"the CPU was throttled {self.overheated} times because of heat": self.overheated > 0,
            f"{self.swapped_mib:.0f} MiB were swapped": self.swapped_mib > MOST_SWAPPED_MIB,
        }
        return _true(conditions)

    @property
    def instability(self) -> tuple[str, ...]:
        """The warnings of a machine whose speed changes for reasons that it does not show."""
        conditions = {
            f"the clock varied by {percent(self.frequency_range, 0)}": (
                self.frequency_range > MOST_FREQUENCY_RANGE
            ),
            f"the GEMM peak varied by {percent(self.peak_range, 0)}": self.peak_range > MOST_PEAK_RANGE,
            f"{self.rounds_above_peak} rounds were faster than the GEMM peak": self.rounds_above_peak > 0,
        }
        return _true(conditions)


class Watch:
    """Monitors the machine from its creation on: `note` for each round, `finish` at the end."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._start = Snapshot.take(machine)
        self._clocks: list[float] = []

    def note(self) -> None:
        """Read the clock once more, if it can be read."""
        frequency = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
        if frequency is not None and frequency.current:
            self._clocks.append(frequency.current)

    def finish(self, peaks: Sequence[float], efficiencies: Sequence[float]) -> Disturbance:
        """The disturbance since the start.

        Args:
          peaks: the GEMM peak of each round. efficiencies: of each round.
        """
        return compare_snapshots(
            self._machine, self._start, Snapshot.take(self._machine), self._clocks, peaks, efficiencies
        )


def compare_snapshots(
    machine: Machine,
    start: Snapshot,
    end: Snapshot,
    clocks: Sequence[float],
    peaks: Sequence[float],
    efficiencies: Sequence[float],
) -> Disturbance:
    """The disturbance between two snapshots.

    If a control group limits this process to less CPU time than its cores have, other processes on
    them may not disturb it: only their time beyond the remaining CPU time is counted.
    """
    seconds = max(end.wall - start.wall, 1e-9)
    cores = len(machine.usable)
    in_use = machine.quota if machine.quota is not None else float(cores)
    others = (end.busy - start.busy) - (end.own - start.own) - (cores - in_use) * seconds
    return Disturbance(
        seconds=seconds,
        others=max(0.0, others) / (in_use * seconds),
        steal=(end.steal - start.steal) / (cores * seconds),
        held_back=(end.throttled - start.throttled) / seconds,
        switches=(end.switches - start.switches) / (in_use * seconds),
        overheated=end.overheated - start.overheated,
        swapped_mib=end.swapped - start.swapped,
        frequency_range=_range(clocks),
        peak_range=_range(peaks),
        rounds_above_peak=sum(efficiency > MOST_ROUND_EFFICIENCY for efficiency in efficiencies),
    )


def _own_seconds() -> float:
    """CPU time of this process and of its children, including those that have ended.

    If this is a process of `multiprocessing`, the one that started it belongs to the measurement, too.
    """
    process, starter = psutil.Process(), multiprocessing.parent_process()
    seconds = sum(process.cpu_times()[:4])
    if starter is not None and starter.pid is not None:
        seconds += sum(psutil.Process(starter.pid).cpu_times()[:2])
    for child in process.children(recursive=True):
        try:
            seconds += sum(child.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue  # it has ended since, and is counted among those that have ended
    return seconds


def _thermal_events(root: Path) -> Iterator[int]:
    for file in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count"):
        text = read_text(file).strip()
        yield int(text) if text.isdecimal() else 0


def _true(conditions: Mapping[str, bool]) -> tuple[str, ...]:
    return tuple(warning for warning, is_beyond in conditions.items() if is_beyond)


def _range(values: Sequence[float]) -> float:
    """The highest over the lowest, less 1."""
    return max(values) / min(values) - 1 if values else 0.0
