"""The available ways to multiply two matrices, each in a process with its settings.

oneDNN keeps weights packed for its kernels only if TensorFlow treats all weights as constant, which is
decided once per process (TF_ONEDNN_ASSUME_FROZEN_WEIGHTS), so these products run in another process than
those of a model that trains.
"""

import atexit
import contextlib
import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import tensorflow as tf

from bertbench.measure.machine import read_machine

# By process: the changes to this process's environment.
_VARIABLES = {
    "packed": {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS": "1"},
    "plain": {"TF_ONEDNN_ASSUME_FROZEN_WEIGHTS": "0"},
}
_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Way:
    """A way to multiply: `name` for people, `process` of `_VARIABLES`, `style` of `measure.gemm_calls`."""

    name: str
    process: str
    style: str


_WAYS = (
    Way("packed graph", "packed", "graph"),
    Way("packed eager", "packed", "eager"),
    Way("graph", "plain", "graph"),
    Way("eager", "plain", "eager"),
)
_NUMPY = Way("numpy", "plain", "numpy")


@dataclass(frozen=True)
class Shape:
    """One product: [rows, inner] x [inner, columns], optionally with operand "a" or "b" stored transposed."""

    rows: int
    inner: int
    columns: int
    transpose: str = ""

    @property
    def flop(self) -> int:
        """Floating-point operations of one product."""
        return 2 * self.rows * self.inner * self.columns

    def __str__(self) -> str:
        marks = [f"{'ᵀ' if self.transpose == side else ''}" for side in "ab"]
        return f"[{self.rows}, {self.inner}]{marks[0]} x [{self.inner}, {self.columns}]{marks[1]}"


def available_ways(dtype: tf.DType) -> tuple[Way, ...]:
    """The ways that can be the fastest for this dtype on this machine.

    numpy has products in float32 only. Emulated bfloat16 products do not use oneDNN's operators, so there is
    nothing to pack. Products in int8 exist in graphs only.
    """
    if dtype == tf.int8:
        return tuple(way for way in _WAYS if way.style == "graph")
    if dtype == tf.float32:
        return (*_WAYS, _NUMPY)
    native = dtype != tf.bfloat16 or read_machine().bf16_is_native
    return _WAYS if native else tuple(way for way in _WAYS if way.process == "plain")


def measure_product(shape: Shape, dtype: tf.DType, way: Way, calls: int) -> float:
    """GFLOP/s of the best of several calls; 0 if this way is not available."""
    request = {
        "style": way.style,
        "rows": shape.rows,
        "inner": shape.inner,
        "columns": shape.columns,
        "transpose": shape.transpose,
        "dtype": dtype.name,
        "calls": calls,
    }
    return float(_process(way.process).ask(request).get("gflops", 0.0))


def forget_products() -> None:
    """Free the operands of all products so far."""
    started_together = [_process(name) for name in _VARIABLES]
    for process in started_together:
        process.ask({"forget": True})


class _Process:
    """`bertbench.measure.gemm_calls` under some environment variables, with this process's threads."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._environment = {**os.environ, **variables, **_thread_variables()}
        self._environment["TF_CPP_MIN_LOG_LEVEL"] = "3"
        paths = (str(_PACKAGE), os.environ.get("PYTHONPATH"))
        self._environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        self._start()
        atexit.register(self._close)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request; empty if the process crashes, for example because of a missing kernel."""
        try:
            self._requests.write(json.dumps(request) + "\n")
            self._requests.flush()
            if line := self._answers.readline():
                return json.loads(line)
        except BrokenPipeError:
            pass
        self._close()
        self._start()
        return {}

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bertbench.measure.gemm_calls"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self._environment,
        )
        self._requests, self._answers = (
            cast(IO[str], self._process.stdin),
            cast(IO[str], self._process.stdout),
        )

    def _close(self) -> None:
        """End the process by closing its input."""
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        self._answers.close()
        self._process.wait()


def _thread_variables() -> dict[str, str]:
    """This process's threads, as environment variables of TensorFlow and OpenBLAS."""
    intra = tf.config.threading.get_intra_op_parallelism_threads()
    inter = tf.config.threading.get_inter_op_parallelism_threads()
    intra = str(intra) if intra else os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    inter = str(inter) if inter else os.environ.get("TF_NUM_INTEROP_THREADS", "")
    variables = {
        "TF_NUM_INTRAOP_THREADS": intra,
        "TF_NUM_INTEROP_THREADS": inter,
        "OPENBLAS_NUM_THREADS": intra,
    }
    return {name: value for name, value in variables.items() if value}


@functools.cache
def _process(name: str) -> _Process:
    return _Process(_VARIABLES[name])
