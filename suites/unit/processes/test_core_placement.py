"""The cores of processes, calculated by hand, and binding to them."""

import dataclasses
import os

import pytest

from bertbench.errors import InputError
from bertbench.measure.threads import ThreadSettings
from bertbench.processes.placement import Placement, bound, place_instances, place_single, place_worker
from suites.unit.made_up_machine import TWO_SOCKETS, make_machine

pytestmark = pytest.mark.unit

FIRST, SECOND = tuple(range(56)), tuple(range(56, 112))


@pytest.mark.parametrize(
    ("local_size", "per_socket", "cores", "intra"),
    [
        (2, None, [FIRST, SECOND], 54),
        (2, 1, [FIRST, SECOND], 54),
        (2, 2, [FIRST, FIRST], 27),  # both on the first socket
        (4, None, [FIRST, FIRST, SECOND, SECOND], 27),
        (3, None, [FIRST, FIRST, SECOND], 27),
        (1, None, [FIRST], 54),
    ],
)
def test_workers_on_two_sockets_get_cores_of_one_socket(local_size, per_socket, cores, intra):
    machine = make_machine(2, 56)
    for rank in range(local_size):
        place = place_worker(machine, rank, local_size, per_socket)
        assert place == Placement(cores[rank], ThreadSettings(intra))


def test_workers_on_single_socket_are_not_bound():
    for rank in range(2):
        assert place_worker(make_machine(1, 2), rank, 2, 1) == Placement((), ThreadSettings(1))


def test_workers_use_numa_nodes_of_a_socket_if_there_are_enough():
    nodes = (tuple(range(8)), tuple(range(8, 16)))
    machine = dataclasses.replace(make_machine(1, 16), numa_nodes=nodes)
    assert [place_worker(machine, rank, 2).cores for rank in range(2)] == list(nodes)
    assert place_worker(machine, 0, 1).cores == tuple(range(16))


def test_only_usable_cores_are_assigned():
    machine = make_machine(2, 56, usable=range(50, 60))
    assert [place_worker(machine, rank, 2).cores for rank in range(2)] == [
        tuple(range(50, 56)),
        tuple(range(56, 60)),
    ]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
def test_bind_sets_affinity_of_this_process():
    before = os.sched_getaffinity(0)
    core = max(before)
    try:
        Placement((core,), ThreadSettings(1)).bind()
        assert os.sched_getaffinity(0) == {core}
    finally:
        os.sched_setaffinity(0, before)


def test_affinity_is_restored_afterwards(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    before = os.sched_getaffinity(0)
    core = min(before)
    with bound(Placement((core,))) as prefix:
        assert prefix == []
        assert os.sched_getaffinity(0) == {core}
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(("works", "node"), [(True, None), (True, 0), (False, None)])
def test_numactl_is_used_only_if_it_works(monkeypatch, tmp_path, capsys, works, node):
    script = tmp_path / "numactl"
    script.write_text(f"#!/bin/sh\nexit {0 if works else 1}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    core = min(os.sched_getaffinity(0))
    with bound(Placement((core,), ThreadSettings(1), node)) as prefix:
        memory = "--localalloc" if node is None else "--membind=0"
        assert prefix == (["numactl", f"--physcpubind={core}", memory] if works else [])
    assert ("not permitted" in capsys.readouterr().err) != works


@pytest.mark.parametrize(
    ("node", "cores", "expected"),
    [
        (None, None, ()),
        (1, None, (4, 5, 6, 7, 12, 13, 14, 15)),
        (None, 5, (0, 1, 2, 3, 4, 8, 9, 10, 11, 12)),
        (1, 2, (4, 5, 12, 13)),
    ],
)
def test_single_process_gets_expected_cores_and_threads(siblings, node, cores, expected):
    placement = place_single(TWO_SOCKETS, node, cores)
    assert placement.cores == expected
    assert placement.threads == (ThreadSettings(cores) if cores else None)


def test_one_instance_per_socket(siblings):
    placements = place_instances(TWO_SOCKETS, "socket", None)
    assert [placement.cores for placement in placements] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert [placement.threads for placement in placements] == [ThreadSettings(4)] * 2


def test_instances_on_one_socket_get_disjoint_cores(siblings):
    placements = place_instances(TWO_SOCKETS, 2, 1)
    assert [placement.cores for placement in placements] == [(4, 5), (6, 7)]


@pytest.mark.parametrize(
    ("cores", "count", "expected"),
    [
        (None, 2, [(0, 1, 2, 3), (4, 5, 6, 7)]),
        (None, 3, [(0, 1), (2, 3), (4, 5)]),  # two cores are left over
        (1, 2, [(0,), (1,)]),
        ("socket", 1, [(0, 1, 2, 3)]),
    ],
)
def test_instances_share_cores_equally_or_get_given_cores(siblings, cores, count, expected):
    placements = place_instances(TWO_SOCKETS, cores, None, count)
    assert [placement.cores for placement in placements] == expected
    assert all(placement.threads == ThreadSettings(len(placement.cores)) for placement in placements)


@pytest.mark.parametrize(
    ("cores", "count", "message"),
    [
        (None, 9, "--num-instances is 9; with 1 physical core for each, only 8 fit"),
        (3, 3, "with 3 physical cores for each, only 2 fit"),
        ("socket", 3, "with a NUMA node for each, only 2 fit"),
    ],
)
def test_too_many_instances_are_an_error(siblings, cores, count, message):
    with pytest.raises(InputError, match=message):
        place_instances(TWO_SOCKETS, cores, None, count)


def test_hyperthread_siblings_are_read_from_sysfs(tmp_path):
    for core in range(16):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{core}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{core % 8},{core % 8 + 8}\n")
    assert place_single(TWO_SOCKETS, None, 2, tmp_path).cores == (0, 1, 8, 9)
