"""Where training workers run, worked out by hand."""

import dataclasses
import os

import pytest

from bertbench.measure.threads import ThreadSettings
from bertbench.processes.placement import WorkerPlace, place_worker
from suites.unit.measure.test_threads import make_machine

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
def test_workers_on_two_sockets(local_size, per_socket, cores, intra):
    machine = make_machine(2, 56)
    for rank in range(local_size):
        place = place_worker(machine, rank, local_size, per_socket)
        assert place == WorkerPlace(cores[rank], ThreadSettings(intra))


def test_a_single_socket_is_shared_without_binding():
    for rank in range(2):
        assert place_worker(make_machine(1, 2), rank, 2, 1) == WorkerPlace((), ThreadSettings(1))


def test_workers_go_to_the_nodes_of_a_socket_where_there_are_enough_of_them():
    nodes = (tuple(range(8)), tuple(range(8, 16)))
    machine = dataclasses.replace(make_machine(1, 16), numa_nodes=nodes)
    assert [place_worker(machine, rank, 2).cores for rank in range(2)] == list(nodes)
    assert place_worker(machine, 0, 1).cores == tuple(range(16))


def test_cores_that_may_not_be_used_are_left_alone():
    machine = make_machine(2, 56, usable=range(50, 60))
    assert [place_worker(machine, rank, 2).cores for rank in range(2)] == [
        tuple(range(50, 56)),
        tuple(range(56, 60)),
    ]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
def test_binding_moves_this_process():
    before = os.sched_getaffinity(0)
    core = max(before)
    try:
        WorkerPlace((core,), ThreadSettings(1)).bind()
        assert os.sched_getaffinity(0) == {core}
    finally:
        os.sched_setaffinity(0, before)
