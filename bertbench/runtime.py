"""Starts TensorFlow: its threads, its environment, and an import without log output."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator

from bertbench.checkpoint.source import ModelSource
from bertbench.compute import Compute
from bertbench.console import notice
from bertbench.errors import InputError
from bertbench.measure.address_space import check_address_space
from bertbench.measure.machine import read_machine
from bertbench.measure.onednn import ALLOW_BF16
from bertbench.measure.threads import (
    ThreadSettings,
    apply_threads,
    default_threads,
    one_thread_per_operation,
)
from bertbench.precision import BF16, INT8

_KEEP_WEIGHTS = "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS"


def start_tensorflow(
    num_intra_threads: int | None,
    num_inter_threads: int | None,
    default: ThreadSettings | None = None,
    *,
    trains: bool = True,
    deterministic: bool = False,
) -> ThreadSettings:
    """Import TensorFlow and set its threads: the given ones, else `default`, else the machine's default.

    If nothing trains, oneDNN may keep its own arrangement of the weights between calls. TensorFlow reads this
    setting once per process, so it is not changed if TensorFlow is already imported.

    A deterministic run has one thread per operation and as many operations at once as it would have threads;
    oneDNN's arrangement of the weights, which depends on the first batch, is not kept.

    Raises:
      InputError: the limit of this process's memory is too low.
    """
    check_address_space()
    if not trains and not deterministic and "tensorflow" not in sys.modules:
        os.environ.setdefault(_KEEP_WEIGHTS, "1")
    _import_tensorflow()

    default = default or default_threads(read_machine())
    threads = ThreadSettings(num_intra_threads or default.intra, num_inter_threads or default.inter)
    if deterministic:
        threads = one_thread_per_operation(threads)
    apply_threads(threads)
    notice(f"threads: {threads}")
    return threads


def compute_for(compute: Compute, source: ModelSource) -> Compute:
    """How one model is computed here; see `Compute.for_model`.

    Raises:
      InputError: this machine, in this environment, has no products in that precision; or it is int8, and the
        model is not quantized; or the model does not fit into the limit of this process's memory.
    """
    check_address_space(source.config)
    products = read_machine().products
    if compute.precision == INT8:
        from bertbench.checkpoint.quantization import int8_precision

        compute = dataclasses.replace(compute, precision=int8_precision(source, products.around_int8))
    if compute.precision == BF16 and not products.bf16_is_possible:
        raise InputError(f"precision {BF16}: {products} has no bfloat16 products; {ALLOW_BF16}.")
    return compute.for_model(source.config)


def import_quietly() -> None:
    """Import TensorFlow without its log, for a program that may use it for other things too.

    It gets the machine's default threads, unless the program has imported it before: then its settings stay.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if "tensorflow" in sys.modules:
        return
    check_address_space()
    _import_tensorflow()
    apply_threads(default_threads(read_machine()))


def _import_tensorflow() -> None:
    with quiet_import():
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Discard what TensorFlow's libraries write to standard error before they read TF_CPP_MIN_LOG_LEVEL.

    TensorFlow 2.21 logs its use of oneDNN regardless of that variable
    (https://github.com/tensorflow/tensorflow/issues/100442). With a level below 2 nothing is discarded.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") < "2":
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def start_measuring(threads: ThreadSettings, trains: bool) -> None:
    """Start TensorFlow in a process that only measures: see `start_tensorflow`."""
    os.environ[_KEEP_WEIGHTS] = "0" if trains else "1"
    _import_tensorflow()
    apply_threads(threads)


def prepare_environment(deterministic: bool = False) -> None:
    """Set the default threads by environment variables, for a process that may start TensorFlow anywhere.

    Such a process may train and predict, so oneDNN must not keep weights.
    """
    threads = default_threads(read_machine())
    if deterministic:
        threads = one_thread_per_operation(threads)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads.intra))
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", str(threads.inter))
    os.environ[_KEEP_WEIGHTS] = "0"
