"""The result of `read_machine` for Linux's files, copied in form from real machines."""

import json
import os
import subprocess
from pathlib import Path

import psutil
import pytest

from bertbench.measure import machine as machine_module
from bertbench.measure.machine import (
    Machine,
    bf16_is_native,
    describe_machine,
    git_revision,
    machine_id,
    parse_cpu_list,
    read_machine,
)

pytestmark = pytest.mark.unit

SKYLAKE_FLAGS = "fpu sse4_1 sse4_2 avx avx2 avx512f avx512dq avx512bw avx512vl"
SAPPHIRE_FLAGS = f"{SKYLAKE_FLAGS} avx512_vnni avx_vnni avx512_bf16 avx512_fp16 amx_bf16 amx_tile amx_int8"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_x86(root: Path, places: list[tuple[int, int]], flags: str, name: str) -> Path:
    """A /proc/cpuinfo with one (socket, core) place for each logical core."""
    blocks = [
        f"processor\t: {number}\nmodel name\t: {name}\nphysical id\t: {socket}\n"
        f"core id\t\t: {core}\nflags\t\t: {flags}\n"
        for number, (socket, core) in enumerate(places)
    ]
    write(root, "proc/cpuinfo", "\n".join(blocks) + "\n")
    return root


@pytest.fixture
def all_cores_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "_affinity", tuple)


@pytest.fixture
def two_sockets(tmp_path: Path) -> Path:
    """Two sockets of two cores with two threads each, numbered as Linux does: threads last."""
    places = [(socket, core) for _ in range(2) for socket in range(2) for core in range(2)]
    write_x86(tmp_path, places, SAPPHIRE_FLAGS, "Intel(R) Xeon(R) Platinum 8480+")
    write(tmp_path, "sys/devices/system/node/node0/cpulist", "0-1,4-5\n")
    write(tmp_path, "sys/devices/system/node/node1/cpulist", "2-3,6-7\n")
    write(tmp_path, "sys/devices/system/node/node2/cpulist", "\n")
    return tmp_path


@pytest.mark.usefixtures("all_cores_usable")
def test_topology_of_two_sockets_with_hyperthreads(two_sockets: Path) -> None:
    machine = read_machine(two_sockets)
    assert machine.sockets == ((0, 1, 4, 5), (2, 3, 6, 7))
    assert machine.numa_nodes == ((0, 1, 4, 5), (2, 3, 6, 7))
    assert (machine.physical_cores, machine.logical_cores, machine.usable_cores) == (4, 8, 8)
    assert machine.isa == ("amx_bf16", "amx_tile", "avx512_bf16", "avx512f", "avx2")
    assert machine.bf16_is_native


@pytest.mark.usefixtures("all_cores_usable")
def test_one_core_sockets_of_hypervisor_are_merged(tmp_path: Path) -> None:
    write_x86(tmp_path, [(socket, 0) for socket in range(4)], SKYLAKE_FLAGS, "Intel Xeon Processor (Skylake)")
    machine = read_machine(tmp_path)
    assert machine.sockets == ((0, 1, 2, 3),)
    assert machine.physical_cores == 4
    assert machine.numa_nodes == ((0, 1, 2, 3),)


@pytest.mark.usefixtures("all_cores_usable")
def test_arm_features_are_read(tmp_path: Path) -> None:
    block = "processor\t: {}\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd sve i8mm bf16\nCPU part\t: 0xd40\n"
    write(tmp_path, "proc/cpuinfo", "\n".join(block.format(number) for number in range(3)))
    machine = read_machine(tmp_path)
    assert machine.isa == ("bf16", "sve", "asimd")
    assert machine.bf16_is_native
    assert (machine.physical_cores, machine.sockets) == (3, ((0, 1, 2),))


@pytest.mark.usefixtures("all_cores_usable")
def test_bf16_is_emulated_without_or_with_disabled_instructions(
    two_sockets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "avx512_core")
    assert not read_machine(two_sockets).bf16_is_native
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
    assert read_machine(two_sockets).bf16_is_native
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    skylake = write_x86(tmp_path / "skylake", [(0, 0), (0, 1)], SKYLAKE_FLAGS, "Xeon")
    assert not read_machine(skylake).bf16_is_native


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2.5),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        (
            {
                "proc/self/cgroup": "0::/user.slice/job\n",
                "sys/fs/cgroup/user.slice/job/cpu.max": "max 100000\n",
                "sys/fs/cgroup/user.slice/cpu.max": "600000 100000\n",
            },
            6.0,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/docker/1a\n3:cpu,cpuacct:/docker/1a\n0::/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000\n",
            },
            3.0,
        ),
        (
            {
                "proc/self/cgroup": "3:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        ({}, None),
    ],
)
@pytest.mark.usefixtures("all_cores_usable")
def test_cpu_quota_of_control_groups(two_sockets: Path, files: dict[str, str], cores: float | None) -> None:
    for name, text in files.items():
        write(two_sockets, name, text)
    machine = read_machine(two_sockets)
    assert machine.quota == cores
    assert machine.usable_cores == (8 if cores is None else int(cores))


def test_usable_cores_are_at_least_one(two_sockets: Path) -> None:
    write(two_sockets, "proc/self/cgroup", "0::/\n")
    write(two_sockets, "sys/fs/cgroup/cpu.max", "20000 100000\n")
    assert read_machine(two_sockets).usable_cores == 1


@pytest.mark.parametrize(
    ("cpu", "start"),
    [
        ("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "xeon-platinum-8375c-8c-amx_bf16-"),
        ("AMD EPYC 9R14 96-Core Processor", "epyc-9r14-8c-amx_bf16-"),
        ("AMD EPYC", "epyc-8c-amx_bf16-"),
        ("CPU", "cpu-8c-amx_bf16-"),
    ],
)
@pytest.mark.usefixtures("all_cores_usable")
def test_machine_id_is_readable(two_sockets: Path, cpu: str, start: str) -> None:
    text = (two_sockets / "proc/cpuinfo").read_text().replace("Intel(R) Xeon(R) Platinum 8480+", cpu)
    write(two_sockets, "proc/cpuinfo", text)
    identifier = read_machine(two_sockets).machine_id
    assert identifier.startswith(start)
    assert len(identifier) == len(start) + 6


def test_machine_id_depends_only_on_facts_that_change_speed() -> None:
    def make(**changes: object) -> Machine:
        facts = {
            "cpu": "Xeon",
            "architecture": "x86_64",
            "isa": ("avx512f", "avx2"),
            "sockets": ((0, 1), (2, 3)),
            "physical_cores": 4,
            "numa_nodes": ((0, 1), (2, 3)),
            "usable": (0, 1, 2, 3),
            "quota": None,
        }
        return Machine(**facts | changes)

    base = make().machine_id
    assert make(quota=100.0).machine_id == base
    assert make(sockets=((0, 2), (1, 3)), numa_nodes=((0, 2), (1, 3))).machine_id == base
    different = [
        make(cpu="Xeon 2"),
        make(isa=("avx2",)),
        make(physical_cores=2),
        make(usable=(0, 1)),
        make(quota=3.0),
        make(sockets=((0, 1, 2, 3),)),
        make(numa_nodes=((0, 1, 2, 3),)),
    ]
    assert len({machine.machine_id for machine in different} | {base}) == len(different) + 1


def test_this_machine_agrees_with_psutil() -> None:
    machine = read_machine()
    assert machine.logical_cores == psutil.cpu_count()
    assert set(machine.usable) == set(psutil.Process().cpu_affinity())
    assert machine_id() == machine.machine_id
    assert bf16_is_native() == machine.bf16_is_native


def test_description_is_json_and_names_versions() -> None:
    description = describe_machine()
    assert json.loads(json.dumps(description)) == description
    assert description["tensorflow"].startswith("2.")
    assert description["memory_bytes"] == psutil.virtual_memory().total
    assert description["bf16"] in {"native", "emulated"}


@pytest.mark.usefixtures("all_cores_usable")
def test_system_without_linux_files_is_described(tmp_path: Path) -> None:
    machine = read_machine(tmp_path)
    assert machine.logical_cores == psutil.cpu_count()
    here = read_machine()  # from Linux's own files
    assert (machine.cpu, machine.isa, machine.products) == (here.cpu, here.isa, here.products)
    assert machine.usable_cores >= 1


def test_git_revision_of_clean_and_changed_checkout(tmp_path: Path) -> None:
    assert git_revision(tmp_path) is None
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": os.devnull}
    identity |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    checkout = tmp_path / "checkout"

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        result = subprocess.run(
            command, cwd=checkout, env=os.environ | identity, capture_output=True, text=True, check=True
        )
        return result.stdout.strip()

    write(checkout, "file", "1")
    git("init", "--quiet")
    git("add", "file")
    git("commit", "--quiet", "--message", "one")
    revision = git("rev-parse", "HEAD")[:12]
    assert git_revision(checkout) == revision
    git_revision.cache_clear()
    write(checkout, "file", "2")
    assert git_revision(checkout) == revision + "+"


@pytest.mark.parametrize(
    ("text", "cores"), [("0-3,8,10-11\n", (0, 1, 2, 3, 8, 10, 11)), ("5", (5,)), ("\n", ())]
)
def test_cpu_list_is_parsed(text: str, cores: tuple[int, ...]) -> None:
    assert parse_cpu_list(text) == cores
