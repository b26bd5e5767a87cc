"""Times matrix products in a separate process, which `bertbench.measure.gemm_ways` starts.

    python -m bertbench.measure.gemm_calls

answers each line of standard input with one line, both JSON, and ends with its input:

    {"style": "graph", "rows": 8, "inner": 4, "columns": 2, "transpose": "", "dtype": "float32", "calls": 3}
    {"gflops": 12.5}
    {"forget": true}
    {}

Forgetting drops all operands. A failed request is answered with {"error": "..."}.
"""

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, TextIO

import numpy as np
import tensorflow as tf

# A call computes at least this much, so that the cost of a call itself does not count.
LEAST_FLOP = 2e8
MOST_COPIES = 8
# Quick calls are repeated for this time: of two calls of a millisecond, both may be disturbed.
LEAST_SECONDS = 0.02
# Calls of a slow product end after this time.
MOST_SECONDS = 1.0
STEPS = 16  # of int8 numbers in 1

Key = tuple[str, int, int, int, str, str]
_KEY = ("style", "rows", "inner", "columns", "transpose", "dtype")


class Calls:
    """Every requested product so far, with its operands."""

    def __init__(self) -> None:
        self._made: dict[Key, tuple[Callable[[], object], float]] = {}

    def measure(self, key: Key, calls: int) -> float:
        """GFLOP/s of the best of at least so many calls; the first time, after one warm-up call."""
        if key not in self._made:
            self._made[key] = _make_call(*key)
            self._made[key][0]()
        call, flop = self._made[key]
        best, count = math.inf, 0
        begin = now = time.perf_counter()
        while now < begin + (MOST_SECONDS if count < calls else LEAST_SECONDS):
            start = now
            call()
            now = time.perf_counter()
            best = min(best, now - start)
            count += 1
        return flop / best / 1e9

    def forget(self) -> None:
        """Free every operand."""
        self._made.clear()


def _make_call(
    style: str, rows: int, inner: int, columns: int, transpose: str, dtype: str
) -> tuple[Callable[[], object], float]:
    """A call of independent products [rows, inner] x [inner, columns], and its FLOP.

    Args:
      style: graph, eager or numpy. transpose: which operand is stored transposed: "a", "b" or "".
      dtype: "int8" only with style graph and no transposed operand.
    """
    copies = min(MOST_COPIES, math.ceil(LEAST_FLOP / (2 * rows * inner * columns)))
    left = _random((inner, rows) if transpose == "a" else (rows, inner))
    rights = [_random((columns, inner) if transpose == "b" else (inner, columns)) for _ in range(copies)]
    if dtype == "int8":
        call = _int8_call(left, rights)
    elif style == "numpy":
        call = _numpy_call(left, rights, transpose)
    else:
        call = _tensorflow_call(left, rights, transpose, style, dtype)
    return call, 2.0 * rows * inner * columns * copies


def _numpy_call(left: np.ndarray, rights: list[np.ndarray], transpose: str) -> Callable[[], object]:
    a = left.T if transpose == "a" else left
    bs = [right.T if transpose == "b" else right for right in rights]
    return lambda: [a @ b for b in bs]


def _tensorflow_call(
    left: np.ndarray, rights: list[np.ndarray], transpose: str, style: str, dtype: str
) -> Callable[[], object]:
    a, *bs = (tf.cast(array, dtype) for array in (left, *rights))

    def multiply(a: tf.Tensor, *bs: tf.Tensor) -> list[tf.Tensor]:
        transposed = {"transpose_a": transpose == "a", "transpose_b": transpose == "b"}
        return [tf.matmul(a, b, **transposed) for b in bs]

    if style == "graph":
        graph = tf.function(multiply).get_concrete_function(a, *bs)
        return lambda: graph(a, *bs)
    return lambda: multiply(a, *bs)


def _int8_call(left: np.ndarray, rights: list[np.ndarray]) -> Callable[[], object]:
    """The model's int8 products, with steps of a sixteenth; their results are in its float dtype."""
    from bertbench import kernels
    from bertbench.measure.machine import read_machine

    x, *weights = (
        tf.Variable(np.clip(array * STEPS, -127, 127).astype(np.int8)) for array in (left, *rights)
    )
    columns = rights[0].shape[1]
    bias, ranges = tf.Variable(tf.zeros(columns)), tf.Variable(tf.fill([columns], 127.0 / STEPS**2))
    dtype = read_machine().products.around_int8.compute_dtype

    def multiply() -> list[tf.Tensor]:
        operands = (tf.identity(bias), tf.identity(ranges), dtype)
        return [kernels.quantized_dense(tf.identity(x), tf.identity(w), *operands) for w in weights]

    return tf.function(multiply, autograph=False).get_concrete_function()


def _random(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape, np.float32)


def serve(requests: Iterable[str], answers: TextIO) -> None:
    """Answer each request."""
    calls = Calls()
    for line in requests:
        request = json.loads(line)
        try:
            answer: dict[str, Any] = {}
            if "forget" in request:
                calls.forget()
            else:
                key = tuple(request[name] for name in _KEY)
                answer = {"gflops": calls.measure(key, request["calls"])}
        except Exception as error:  # any error of a library: this way of multiplying is not available
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    """Answer the requests on standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent closes our input when it ends
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of libraries is not an answer
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
