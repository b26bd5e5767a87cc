"""Thread defaults, worked out by hand, and setting them in a fresh TensorFlow."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.errors import InputError
from bertbench.measure.machine import Machine
from bertbench.measure.threads import ThreadSettings, default_threads, one_thread_per_operation
from suites.unit.made_up_machine import make_machine

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("machine", "instances", "intra"),
    [
        (make_machine(1, 2), 1, 2),
        (make_machine(1, 2), 2, 1),  # 2 - 2 = 0, at least 1
        (make_machine(2, 56), 1, 56),
        (make_machine(2, 56), 2, 54),
        (make_machine(2, 56), 4, 27),  # two share a socket's 54
        (make_machine(2, 56), 3, 27),  # one socket has two, and all get the same
        (make_machine(1, 16), 4, 3),  # 14 / 4
        (make_machine(2, 4), 64, 1),
        (make_machine(2, 56, usable=range(50, 60)), 1, 6),  # 6 on socket 0, 4 on socket 1
        (make_machine(2, 56, usable=range(56, 66)), 2, 4),  # both on socket 1: (10 - 2) / 2
        (make_machine(2, 56, usable=range(50, 60)), 2, 2),  # one on each, the smaller share counts: 4 - 2
        (make_machine(2, 56, quota=8.0), 1, 8),
        (make_machine(2, 56, quota=8.0), 2, 2),  # 4 each, less 2
        (make_machine(2, 56, quota=0.5), 1, 1),
    ],
)
def test_default_threads_follow_cores_and_instances(machine: Machine, instances: int, intra: int) -> None:
    assert default_threads(machine, instances) == ThreadSettings(intra=intra, inter=1)


@given(sockets=st.integers(1, 4), cores=st.integers(1, 64), instances=st.integers(2, 16))
def test_threads_of_several_instances_fit_the_socket(sockets: int, cores: int, instances: int) -> None:
    intra = default_threads(make_machine(sockets, cores), instances).intra
    sharing = -(-instances // sockets)  # the fullest socket's instances
    assert intra >= 1
    assert intra * sharing <= max(cores - 2, sharing)


@pytest.mark.parametrize(("intra", "inter"), [(0, 1), (1, 0), (-2, 1)])
def test_threads_below_one_are_rejected(intra: int, inter: int) -> None:
    with pytest.raises(InputError, match="at least 1"):
        ThreadSettings(intra, inter)


def test_zero_instances_are_rejected() -> None:
    with pytest.raises(InputError, match="at least 1"):
        default_threads(make_machine(1, 2), 0)


def test_threads_cannot_be_set_after_tensorflow_has_started() -> None:
    code = """
import tensorflow as tf
from bertbench.errors import InputError
from bertbench.measure.threads import ThreadSettings, apply_threads

apply_threads(ThreadSettings(3, 2))
apply_threads(ThreadSettings(2, 1))
tf.constant(1) + 1
apply_threads(ThreadSettings(2, 1))
threading = tf.config.threading
print(threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads())
for settings in ThreadSettings(1, 1), ThreadSettings(2, 2):
    try:
        apply_threads(settings)
    except InputError as error:
        print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [
        "2 1",
        "TensorFlow already runs with 2 intra-op, 1 inter-op threads and cannot change to "
        "1 intra-op, 1 inter-op threads; start a new process for other thread settings.",
        "TensorFlow already runs with 2 intra-op, 1 inter-op threads and cannot change to "
        "2 intra-op, 2 inter-op threads; start a new process for other thread settings.",
    ]


@pytest.mark.parametrize(
    ("threads", "expected"),
    [((1, 1), (1, 1)), ((2, 1), (1, 2)), ((64, 1), (63, 2))],
)
def test_two_batches_at_once_need_one_thread_less_per_operation(threads, expected):
    shared = ThreadSettings(*threads).for_data_sets()
    assert shared == ThreadSettings(*expected)
    assert one_thread_per_operation(shared) == one_thread_per_operation(ThreadSettings(*threads))


@pytest.mark.parametrize(
    ("threads", "given", "expected"),
    [
        ((1, 1), (), (1, 1)),
        ((2, 1), (None, None), (2, 2)),
        ((64, 1), (), (64, 2)),
        ((2, 1), (None, 1), (2, 1)),
    ],
)
def test_training_runs_two_operations_at_once_unless_threads_are_given(threads, given, expected):
    assert ThreadSettings(*threads).for_training(*given) == ThreadSettings(*expected)


def test_thread_settings_text() -> None:
    assert str(ThreadSettings(54, 1)) == "54 intra-op, 1 inter-op threads"


@pytest.mark.parametrize(
    ("before", "trains", "expected"),
    [("", False, "1"), ("", True, "None"), ("import tensorflow; ", False, "None")],
    ids=["predicting", "training", "tensorflow_already_imported"],
)
def test_weights_are_frozen_only_without_training(before, trains, expected):
    code = (
        f"{before}import os; from bertbench.runtime import start_tensorflow; "
        f"start_tensorflow(1, 1, trains={trains}); "
        "print(os.environ.get('TF_ONEDNN_ASSUME_FROZEN_WEIGHTS'))"
    )
    environment = {name: value for name, value in os.environ.items() if "FROZEN" not in name}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == expected
