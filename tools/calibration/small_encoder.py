"""A small numpy encoder layer measured between two GEMM peaks per round, on one thread.

It replaces `bertbench benchmark` when a machine's noise is recorded: one run takes seconds, so that
hundreds fit into an hour, and its rounds see the same disturbances.

    python -m tools.calibration.small_encoder --output-dir O
"""

import time

START = time.perf_counter()  # before numpy is imported: its import is part of start-up

import argparse  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported

import numpy as np  # noqa: E402

from bertbench.files import write_json  # noqa: E402

ROUNDS = 30
WARMUP_ROUNDS = 3
B, S, H, A, F = 2, 128, 512, 8, 2048  # batch, sequence, hidden, heads, feed-forward
T, D = B * S, H // A
GEMM_FLOP = 2 * T * (4 * H * H + 2 * H * F)
ENCODER_FLOP = GEMM_FLOP + 4 * B * S * S * H


def layer_norm(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)


def softmax(x: np.ndarray) -> np.ndarray:
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(0.7978846 * (x + 0.044715 * x * x * x)))


def split_heads(x: np.ndarray) -> np.ndarray:
    return x.reshape(B, S, A, D).transpose(0, 2, 1, 3)


def make_encoder() -> tuple[Callable[[], object], Callable[[], object]]:
    """The encoder layer, and its linear layers alone."""
    generator = np.random.default_rng(0)
    shapes = ((H, H), (H, H), (H, H), (H, H), (H, F), (F, H), (T, H), (T, F))
    drawn = [generator.normal(0, 0.02, shape).astype(np.float32) for shape in shapes]
    *projections, up, down, hidden, inner = drawn

    def encode() -> np.ndarray:
        query, key, value = (split_heads(hidden @ weight) for weight in projections[:3])
        context = softmax(query @ key.swapaxes(2, 3) * np.float32(D**-0.5)) @ value
        x = layer_norm(hidden + context.transpose(0, 2, 1, 3).reshape(T, H) @ projections[3])
        return layer_norm(x + gelu(x @ up) @ down)

    def multiply() -> list[np.ndarray]:
        return [*(hidden @ weight for weight in (*projections, up)), inner @ down]

    return encode, multiply


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output-dir", type=Path, required=True)
    output_dir = parser.parse_args().output_dir
    encode, multiply = make_encoder()
    encode()
    startup = time.perf_counter() - START
    for call in (multiply, encode) * WARMUP_ROUNDS:
        call()
    peaks, steps = [seconds(multiply)], []
    for _ in range(ROUNDS):
        steps.append(seconds(encode))
        peaks.append(seconds(multiply))
    peak_rates = 2 * GEMM_FLOP / (np.array(peaks[:-1]) + np.array(peaks[1:]))
    results = {
        "schema_version": 2,
        "case": "small-encoder",
        "efficiency_rounds": (ENCODER_FLOP / np.array(steps) / peak_rates).tolist(),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "startup_seconds": startup,
    }
    write_json(output_dir / "results.json", results)


if __name__ == "__main__":
    main()
