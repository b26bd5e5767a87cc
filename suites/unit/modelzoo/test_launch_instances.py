"""Several instances: cores, threads, folders and shared weights."""

import pytest

from bertbench.errors import InputError
from suites.unit.modelzoo.resolved import INFERENCE, TRAINING, command_of, plan_of, value

pytestmark = pytest.mark.unit


def test_mpi_options_are_passed_on():
    words = f"{TRAINING} --mpi_num_processes 4 --mpi_num_processes_per_socket=2 --mpi_hostnames a,b"
    command = command_of(f"{words} -- mpi_workers_sync_gradients=True")
    assert value(command, "--mpi-num-processes") == "4"
    assert value(command, "--mpi-num-processes-per-socket") == "2"
    assert value(command, "--mpi-hostnames") == "a,b"
    assert "--mpi-workers-sync-gradients" in command


def test_single_process_gets_no_mpi_options():
    command = command_of(f"{TRAINING} --mpi_num_processes=1 --mpi_num_processes_per_socket=1")
    assert not [word for word in command if word.startswith("--mpi")]


def test_several_instances_require_empty_output_folder(tmp_path):
    (tmp_path / "left").touch()
    words = f"{INFERENCE.replace('/out', str(tmp_path))} --numa-cores-per-instance=2"
    with pytest.raises(InputError, match="is not empty"):
        plan_of(words)


def test_instances_have_their_own_folders_cores_and_threads(siblings):
    instances = plan_of(f"{INFERENCE} --numa-cores-per-instance=3").instances
    assert [instance.placement.cores for instance in instances] == [(0, 1, 2), (3, 4, 5)]
    for number, instance in enumerate(instances):
        command = list(instance.command)
        assert value(command, "--output-dir") == f"/out/instance_{number}"
        assert value(command, "--num-intra-threads") == "3"
        assert value(command, "--num-inter-threads") == "1"


@pytest.mark.parametrize(
    ("words", "threads"), [("", ("2", "2")), ("-e 1", ("3", "1"))], ids=["default", "given"]
)
def test_accuracy_runs_have_the_threads_of_predict(siblings, words, threads):
    command = list(plan_of(f"{INFERENCE} --accuracy-only --num-cores=3 {words}").instances[0].command)
    assert (value(command, "--num-intra-threads"), value(command, "--num-inter-threads")) == threads


@pytest.mark.parametrize(
    ("words", "threads"), [("", ("3", "2")), ("-e 1", ("3", "1"))], ids=["default", "given"]
)
def test_training_runs_two_operations_at_once(siblings, words, threads):
    command = list(plan_of(f"{TRAINING} --num-cores=3 {words}").instances[0].command)
    assert (value(command, "--num-intra-threads"), value(command, "--num-inter-threads")) == threads


def test_given_numbers_of_threads_are_kept():
    words = f"{INFERENCE} --numa-cores-per-instance=3 -a 2 -e 5"
    command = list(plan_of(words).instances[0].command)
    assert [word for word in command if word.endswith("-threads")] == [
        "--num-intra-threads",
        "--num-inter-threads",
    ]
    assert value(command, "--num-intra-threads") == "2"


@pytest.mark.parametrize(
    ("words", "cores"),
    [
        ("--num-instances 2", [(0, 1, 2, 3), (4, 5, 6, 7)]),
        ("--num-instances 2 --numa-cores-per-instance 3", [(0, 1, 2), (3, 4, 5)]),
        ("--num-instances 1", [()]),
        ("--num-instances 1 --numa-cores-per-instance 2", [(0, 1)]),
        ("--num-instances 2 --socket-id 1", [(4, 5), (6, 7)]),
    ],
)
def test_instances_share_cores_equally_or_get_given_cores(siblings, words, cores):
    instances = plan_of(f"{INFERENCE} {words}").instances
    assert [instance.placement.cores for instance in instances] == cores
    assert not any("--streams" in instance.command for instance in instances)


@pytest.mark.parametrize(
    ("words", "omp", "streams", "inter"),
    [
        ("", "2", "2", None),  # the 4 cores of a socket
        ("--num-cores 8", None, "2", "2"),  # 4 cores each
        ("--num-instances 3", "2", "3", None),
        ("--num-cores 6", "2", "3", "3"),
        ("--num-cores 6 -e -1", "3", "2", "2"),
        ("--numa-cores-per-instance 4", "2", "2", "2"),
    ],
)
def test_weight_sharing_runs_threads_in_one_process(siblings, monkeypatch, words, omp, streams, inter):
    if omp is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", omp)
    plan = plan_of(f"{INFERENCE} --weight-sharing {words}")
    command = list(plan.instances[0].command)
    assert command[:4] == ["benchmark", "squad", "--mode", "inference"]
    assert value(command, "--streams") == streams
    assert inter is None or value(command, "--num-inter-threads") == inter
    assert plan.notices == ()
    assert len(plan.instances) == (2 if "numa" in words else 1)


def test_weight_sharing_with_one_thread_is_reported(siblings, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    (notice,) = plan_of(f"{INFERENCE} --weight-sharing").notices
    assert "only one here; say how many with --num-instances" in notice
    monkeypatch.setenv("OMP_NUM_THREADS", "two")
    with pytest.raises(InputError, match="OMP_NUM_THREADS is 'two'"):
        plan_of(f"{INFERENCE} --weight-sharing")
