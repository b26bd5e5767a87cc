"""Facts about the machine: its CPU, the resources that this process may use, and software versions."""

import functools
import hashlib
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cpuinfo
import psutil

from bertbench import __version__
from bertbench.measure.control_group import read_quota, read_text
from bertbench.measure.onednn import LIMITS, ProductKernels

# Instruction sets that determine the speed of BERT, fastest first, with Linux's names on x86 and Arm.
ISA_FLAGS = ("amx_bf16", "amx_tile", "avx512_bf16", "avx512f", "avx2", "bf16", "sve", "asimd")
ONEDNN_SWITCHES = ("TF_ENABLE_ONEDNN_OPTS", *LIMITS, "ONEDNN_DEFAULT_FPMATH_MODE")


@dataclass(frozen=True)
class Machine:
    """A machine as this process sees it; logical cores have the kernel's numbers.

    Attributes:
      usable: the logical cores that the affinity of this process allows.
      quota: the CPU time limit of its control group, in cores; None: no limit.
      products: what computes matrix products.
    """

    cpu: str
    architecture: str
    isa: tuple[str, ...]
    sockets: tuple[tuple[int, ...], ...]
    physical_cores: int
    numa_nodes: tuple[tuple[int, ...], ...]
    usable: tuple[int, ...]
    quota: float | None
    products: ProductKernels = field(default_factory=ProductKernels)

    @property
    def logical_cores(self) -> int:
        """The logical cores of all sockets."""
        return sum(len(cores) for cores in self.sockets)

    @property
    def usable_cores(self) -> int:
        """The number of logical cores that this process can use, at least 1."""
        if self.quota is None:
            return len(self.usable)
        return max(1, min(len(self.usable), int(self.quota)))

    @property
    def machine_id(self) -> str:
        """A short, stable, readable name, such as `epyc-2c-avx512_bf16-1a2b3c`.

        It depends on everything that affects throughput: CPU model, cores and sockets, instruction sets, and
        the cores that this process may use.
        """
        best = self.isa[0] if self.isa else self.architecture.lower()
        nodes = [len(cores) for cores in self.numa_nodes]
        facts = (self.cpu, self.architecture, self.isa, len(self.sockets), self.physical_cores)
        digest = hashlib.sha256(repr((*facts, self.logical_cores, nodes, self.usable_cores)).encode())
        return f"{_short_name(self.cpu)}-{self.usable_cores}c-{best}-{digest.hexdigest()[:6]}"

    @property
    def bf16_is_native(self) -> bool:
        """Whether bfloat16 products run in bfloat16 instructions; otherwise they are emulated."""
        return self.products.bf16_is_native

    @property
    def bf16(self) -> str:
        """How it computes bfloat16 products: native, emulated, or not at all ("impossible")."""
        if not self.products.bf16_is_possible:
            return "impossible"
        return "native" if self.bf16_is_native else "emulated"


def machine_id() -> str:
    """The name of this machine; see `Machine.machine_id`."""
    return read_machine().machine_id


def bf16_is_native() -> bool:
    """Whether this machine has bfloat16 instructions; see `Machine.bf16_is_native`."""
    return read_machine().bf16_is_native


def describe_machine() -> dict[str, Any]:
    """The machine and the software versions, as stored with a result (JSON values)."""
    machine = read_machine()
    return {
        "id": machine.machine_id,
        "cpu": machine.cpu,
        "architecture": machine.architecture,
        "isa": list(machine.isa),
        "matrix_products": str(machine.products),
        "bf16": machine.bf16,
        "sockets": len(machine.sockets),
        "numa_nodes": len(machine.numa_nodes),
        "physical_cores": machine.physical_cores,
        "logical_cores": machine.logical_cores,
        "usable_cores": machine.usable_cores,
        "memory_bytes": psutil.virtual_memory().total,
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "tensorflow": installed_version("tensorflow-cpu", "tensorflow"),
        "onednn": {name: os.environ[name] for name in ONEDNN_SWITCHES if name in os.environ},
        "bertbench": __version__,
        "git_revision": git_revision(Path(__file__).resolve().parents[2]),
    }


def read_machine(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> Machine:
    """This machine, from Linux's files under `root`; on other systems from py-cpuinfo and psutil.

    Args:
      environment: variables that decide on its products, see `ProductKernels`.
    """
    processors = list(_read_processors(root))
    if not processors:
        return _machine_without_linux_files(environment)
    cores = {
        (processor.get("physical id", "0"), processor.get("core id", processor["processor"]))
        for processor in processors
    }
    first = processors[0]
    flags = set(first.get("flags", first.get("Features", "")).split())
    logical = sorted(int(processor["processor"]) for processor in processors)
    return Machine(
        cpu=first.get("model name") or platform.processor() or platform.machine(),
        architecture=platform.machine(),
        isa=tuple(flag for flag in ISA_FLAGS if flag in flags),
        sockets=_sockets(processors),
        physical_cores=len(cores),
        numa_nodes=_read_numa_nodes(root) or (tuple(logical),),
        usable=_affinity() or tuple(logical),
        quota=read_quota(root),
        products=ProductKernels.of(flags, environment),
    )


@functools.cache
def git_revision(folder: Path) -> str | None:
    """The commit checked out in `folder`, with `+` if tracked files differ; None outside a checkout."""
    if not (folder / ".git").exists():
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def installed_version(*names: str) -> str | None:
    """The version of the first of these packages that is installed, without importing it."""
    import importlib.metadata

    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """The cores of a Linux list such as `0-3,8,10-11` (kernel documentation, "cputopology")."""
    cores: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        cores.extend(range(int(first), int(last or first) + 1))
    return tuple(cores)


def _machine_without_linux_files(environment: Mapping[str, str]) -> Machine:
    """The machine according to py-cpuinfo and psutil, on any system."""
    facts = cpuinfo.get_cpu_info()
    flags = set(facts.get("flags", ()))
    logical = tuple(range(psutil.cpu_count() or 1))
    return Machine(
        cpu=facts.get("brand_raw") or platform.processor() or platform.machine(),
        architecture=platform.machine(),
        isa=tuple(flag for flag in ISA_FLAGS if flag in flags),
        sockets=(logical,),
        physical_cores=psutil.cpu_count(logical=False) or len(logical),
        numa_nodes=(logical,),
        usable=_affinity() or logical,
        quota=None,
        products=ProductKernels.of(flags, environment),
    )


def _read_processors(root: Path) -> Iterator[dict[str, str]]:
    """The entries of /proc/cpuinfo, one mapping per logical core."""
    for block in read_text(root / "proc/cpuinfo").split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        values = {name.strip(): value.strip() for name, _, value in pairs}
        if "processor" in values:
            yield values


def _sockets(processors: Sequence[dict[str, str]]) -> tuple[tuple[int, ...], ...]:
    """The logical cores of each socket; one-core "sockets" of a hypervisor count as one socket."""
    sockets: dict[str, list[int]] = {}
    for processor in processors:
        sockets.setdefault(processor.get("physical id", "0"), []).append(int(processor["processor"]))
    if all(len(cores) == 1 for cores in sockets.values()):
        return (tuple(sorted(core for cores in sockets.values() for core in cores)),)
    return tuple(tuple(sorted(cores)) for cores in sockets.values())


def _read_numa_nodes(root: Path) -> tuple[tuple[int, ...], ...]:
    folders = (root / "sys/devices/system/node").glob("node[0-9]*")
    ordered = sorted(folders, key=lambda folder: int(folder.name.removeprefix("node")))
    nodes = (parse_cpu_list(read_text(folder / "cpulist")) for folder in ordered)
    return tuple(node for node in nodes if node)  # a node may have memory but no cores


def _affinity() -> tuple[int, ...]:
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return ()


def _short_name(cpu: str) -> str:
    """`Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz` -> `xeon-platinum-8375c`."""
    name = re.sub(r"\((r|tm)\)|@.*|\b\d+-core\b|\b(intel|amd|cpu|processor)\b", " ", cpu.lower())
    return "-".join(re.findall(r"[a-z0-9]+", name)) or "cpu"
