"""A small bfloat16 encoder measured between two GEMM peaks a round, on one thread.

It stands for `bertbench benchmark` when a machine's noise is recorded: one run takes seconds, so that
hundreds fit into an hour, and its rounds see the same disturbances.

    python -m suites.calibration.small_encoder --output-dir O
"""

import time

START = time.perf_counter()  # before TensorFlow is imported: its import is part of start-up

import argparse  # noqa: E402
import resource  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from bertbench.files import write_json  # noqa: E402
from bertbench.measure.machine import machine_id  # noqa: E402

ROUNDS = 40
WARMUP_ROUNDS = 3
B, S, H, A, F, L = 2, 128, 768, 12, 3072, 2  # batch, sequence, hidden, heads, feed-forward, layers
T, D = B * S, H // A
GEMM_FLOP = L * 2 * T * (4 * H * H + 2 * H * F)
ENCODER_FLOP = GEMM_FLOP + L * 4 * B * S * S * H


def make_weights(generator: np.random.Generator, *shape: int) -> tf.Tensor:
    return tf.cast(tf.constant(generator.normal(0, 0.02, shape).astype(np.float32)), tf.bfloat16)


def layer_norm(x: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(x, tf.float32)
    mean, variance = tf.nn.moments(wide, [-1], keepdims=True)
    return tf.cast((wide - mean) * tf.math.rsqrt(variance + 1e-12), tf.bfloat16)


def split_heads(x: tf.Tensor) -> tf.Tensor:
    return tf.transpose(tf.reshape(x, [B, S, A, D]), [0, 2, 1, 3])


def make_encoder() -> tuple[Callable[[], tf.Tensor], Callable[[], tf.Tensor]]:
    """The encoder, and its linear layers alone."""
    generator = np.random.default_rng(0)
    narrow = [[make_weights(generator, H, H) for _ in range(4)] for _ in range(L)]
    wide = [(make_weights(generator, H, F), make_weights(generator, F, H)) for _ in range(L)]
    hidden, inner = make_weights(generator, T, H), make_weights(generator, T, F)

    @tf.function
    def encode() -> tf.Tensor:
        x = hidden
        for (query, key, value, output), (up, down) in zip(narrow, wide, strict=True):
            q, k, v = (split_heads(tf.matmul(x, weight)) for weight in (query, key, value))
            attention = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * D**-0.5)
            context = tf.reshape(tf.transpose(tf.matmul(attention, v), [0, 2, 1, 3]), [T, H])
            x = layer_norm(x + tf.matmul(context, output))
            x = layer_norm(x + tf.matmul(tf.nn.gelu(tf.matmul(x, up), approximate=True), down))
        return x[0, 0]

    @tf.function
    def multiply() -> tf.Tensor:
        corners = [tf.matmul(hidden, weight)[0, 0] for weights in narrow for weight in weights]
        corners += [tf.matmul(hidden, up)[0, 0] for up, _ in wide]
        corners += [tf.matmul(inner, down)[0, 0] for _, down in wide]
        return tf.add_n(corners)

    return encode, multiply


def seconds(call: Callable[[], tf.Tensor]) -> float:
    start = time.perf_counter()
    call().numpy()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output-dir", type=Path, required=True)
    output_dir = parser.parse_args().output_dir
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    encode, multiply = make_encoder()
    encode().numpy()
    startup = time.perf_counter() - START
    for call in (multiply, encode) * WARMUP_ROUNDS:
        call().numpy()
    peaks, steps = [seconds(multiply)], []
    for _ in range(ROUNDS):
        steps.append(seconds(encode))
        peaks.append(seconds(multiply))
    peak_rates = 2 * GEMM_FLOP / (np.array(peaks[:-1]) + np.array(peaks[1:]))
    results = {
        "schema_version": 1,
        "machine_id": machine_id(),
        "efficiency_rounds": (ENCODER_FLOP / np.array(steps) / peak_rates).tolist(),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "startup_seconds": startup,
    }
    write_json(output_dir / "results.json", results)


if __name__ == "__main__":
    main()
