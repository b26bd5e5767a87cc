"""What `bertbench doctor` looks at: libraries, processor, memory, disk, and variables for data."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from bertbench import embedded
from bertbench.measure.installation import (
    LOAD_HOROVOD,
    LOAD_TENSORFLOW,
    find_distribution,
    find_faults,
    load_libraries,
)
from bertbench.measure.machine import Machine
from bertbench.measure.onednn import ALLOW_BF16, LIMITS
from bertbench.measure.threads import default_threads
from bertbench.tasks.table import TASKS

TENSORFLOW = ("tensorflow-cpu", "tensorflow")
TENSORFLOW_LIBRARY = "tensorflow/libtensorflow_cc.*"
HOROVOD_LIBRARY = "horovod/tensorflow/mpi_lib*.so"
GIB = 2**30
MEMORY_FOR_LARGE = 8 * GIB
DISK_FOR_LARGE = 6 * GIB
INSTALL_HOROVOD = "run `python tools/horovod/install.py` in a checkout"
DATA_VARIABLES = {
    "BERTBENCH_DATA": "a folder with data/, models/ and reference/ for the suites' real cases",
    "SQUAD_DIR": "the folder of train-v1.1.json and dev-v1.1.json (`bertbench fetch squad`)",
    "GLUE_DIR": "the folder of MRPC/, CoLA/ and so on (`bertbench fetch glue/MRPC`)",
    "BERT_BASE_DIR": "a BERT-base model folder (`bertbench fetch bert-base-uncased`)",
    "BERT_LARGE_DIR": "a BERT-large model folder (`bertbench fetch bert-large-uncased`)",
    "PRETRAINING_DATA_DIR": "a folder of TFRecords (`bertbench prepare pretraining --help`)",
}


@dataclass(frozen=True)
class Finding:
    """One row: `state` is ok, slow (works, but slower than possible), missing or broken."""

    name: str
    state: str
    found: str
    remedy: str = ""
    essential: bool = False


def examine(machine: Machine) -> list[Finding]:
    """Every finding about this machine, the essential ones first."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        check_tensorflow,
        lambda: check_cpu(machine),
        check_horovod,
        check_build_tools,
        check_room,
        check_embedded_model,
        check_data_variables,
    )
    with ThreadPoolExecutor() as pool:  # most of the time passes in other processes
        return [finding for found in pool.map(lambda check: list(check()), checks) for finding in found]


def check_tensorflow() -> Iterator[Finding]:
    """Whether TensorFlow is whole, and its library loads."""
    packages = ["--force-reinstall", "tensorflow-cpu>=2.21,<2.22"]
    install = shlex.join([sys.executable, "-m", "pip", "install", *packages])
    remedy = f"install it: `{install}`"
    installed = find_distribution(*TENSORFLOW)
    if installed is None:
        yield Finding("TensorFlow", "missing", "not installed", remedy, essential=True)
        return
    problem = next(find_faults(installed), "")
    if not problem:
        _, problem = load_libraries(LOAD_TENSORFLOW, (installed, TENSORFLOW_LIBRARY))
    if problem:
        found = f"{installed.version} {problem}"
        yield Finding("TensorFlow", "broken", found, remedy, essential=True)
    else:
        yield Finding("TensorFlow", "ok", installed.version, essential=True)


def check_cpu(machine: Machine) -> Iterator[Finding]:
    """CPU, instruction sets, bfloat16, threads and NUMA nodes."""
    yield Finding(
        "CPU",
        "ok",
        f"{machine.cpu}, {_count(len(machine.sockets), 'socket')}, {_count(machine.physical_cores, 'core')}, "
        f"{_count(machine.logical_cores, 'logical core')} ({machine.usable_cores} usable)",
    )
    isa = ", ".join(machine.isa)
    remedy = "use a CPU with AVX-512 or AMX for relevant measurements"
    yield Finding("ISA", "ok", isa) if isa else Finding("ISA", "slow", "no known vector extension", remedy)
    if machine.products.onednn:
        yield Finding("oneDNN", "ok", f"{machine.products}")
    else:
        remedy = "TF_ENABLE_ONEDNN_OPTS=1 turns it on; TensorFlow turns it on by default from AVX-512 VNNI on"
        yield Finding("oneDNN", "slow", f"off; products run in {machine.products}", remedy)
    yield _bf16(machine)
    yield Finding("threads", "ok", str(default_threads(machine)))
    nodes = "; ".join(_ranges(cores) for cores in machine.numa_nodes)
    yield Finding("NUMA", "ok", f"{_count(len(machine.numa_nodes), 'node')}, logical cores {nodes}")


def _bf16(machine: Machine) -> Finding:
    if machine.bf16_is_native:
        return Finding("bf16", "ok", machine.bf16)
    if not machine.products.bf16_is_possible:
        return Finding("bf16", "broken", f"{machine.bf16} in {machine.products}", ALLOW_BF16)
    remedy = "correct but slow: measure bf16 speed on a CPU with avx512_bf16 or amx_bf16"
    limits = [f"{name} is {os.environ[name]}" for name in LIMITS if os.environ.get(name)]
    return Finding("bf16", "slow", machine.bf16, "; ".join([remedy, *limits]))


def check_horovod() -> Iterator[Finding]:
    """Whether Horovod's library loads beside TensorFlow's, and by which controllers its workers meet."""
    installed = find_distribution("horovod")
    if installed is None:
        yield Finding(
            "Horovod", "missing", "not installed; needed only for distributed training", INSTALL_HOROVOD
        )
        return
    places = (find_distribution(*TENSORFLOW), TENSORFLOW_LIBRARY), (installed, HOROVOD_LIBRARY)
    controllers, problem = load_libraries(LOAD_HOROVOD, *places)
    if problem:
        yield Finding("Horovod", "broken", f"{installed.version} {problem}", INSTALL_HOROVOD)
        return
    yield Finding("Horovod", "ok", f"{installed.version}, controllers {controllers.replace(' ', ', ')}")


def check_build_tools() -> Iterator[Finding]:
    """The programs needed to build Horovod."""
    package = "install it (Debian, Ubuntu: `apt-get install {}`); needed only to build Horovod"
    compiler = os.environ.get("CXX", "g++").split()[0]
    for name, program, remedy in (
        ("C++ compiler", compiler, package.format("g++")),
        ("make", "make", package.format("make")),
        ("CMake", "cmake", "not needed: tools/horovod/install.py downloads it for the build"),
    ):
        found = shutil.which(program)
        yield Finding(name, "ok", found) if found else Finding(name, "missing", f"no {program}", remedy)


def check_room() -> Iterator[Finding]:
    """Memory and disk, judged by what BERT-large in training needs."""
    memory = psutil.virtual_memory()
    yield _room(
        "memory",
        memory.available,
        MEMORY_FOR_LARGE,
        f"{memory.available / GIB:.1f} GiB free of {memory.total / GIB:.1f}",
        "stop other programs; training BERT-large needs 5.4 GB for weights, gradients and moments alone",
    )
    disk = shutil.disk_usage(Path.cwd())
    yield _room(
        "disk",
        disk.free,
        DISK_FOR_LARGE,
        f"{disk.free / GIB:.1f} GiB free in {Path.cwd()}",
        "free some space; a training checkpoint of BERT-large takes 4 GB",
    )


def check_embedded_model() -> Iterator[Finding]:
    """The small trained model that is part of bertbench."""
    folders = [task.embedded.model_dir for task in TASKS.values()]
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        found = f"no {', '.join(missing)}"
        yield Finding("embedded model", "missing", found, "reinstall bertbench: it is incomplete")
    else:
        yield Finding("embedded model", "ok", str(embedded.EMBEDDED))


def check_data_variables() -> Iterator[Finding]:
    """The environment variables that point at real data and checkpoints."""
    for name, meaning in DATA_VARIABLES.items():
        folder = os.environ.get(name)
        if not folder:
            yield Finding(name, "missing", "not set", f"set it to {meaning}")
        elif trouble := _trouble(Path(folder)):
            yield Finding(name, "broken", f"{folder}: {trouble}", f"set it to {meaning}, or unset it")
        else:
            yield Finding(name, "ok", folder)


def _trouble(folder: Path) -> str | None:
    """Why a folder cannot be read, or an empty text."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        return error.strerror
    return None


def _room(name: str, free: int, wanted: int, found: str, remedy: str) -> Finding:
    return Finding(name, "ok", found) if free >= wanted else Finding(name, "slow", found, remedy)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _ranges(cores: tuple[int, ...]) -> str:
    """`0-3,8` for the cores 0, 1, 2, 3 and 8."""
    starts = [core for core in cores if core - 1 not in cores]
    ends = [core for core in cores if core + 1 not in cores]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
