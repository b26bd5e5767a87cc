"""`python -m tools.product_shapes`: products of one layer whose shapes differ a little.

For `bertbench.measure.fast_shapes`: the time per token depends on the number of tokens and on the distance
between rows. Weights are packed. Each round multiplies every shape once, and ratios are taken within a round.
"""

import functools
import os
import statistics
from collections.abc import Callable

import click
import numpy as np
import tensorflow as tf

from bertbench import kernels
from bertbench.config import GEOMETRIES
from bertbench.console import progress
from bertbench.measure.fast_shapes import SPARE_COLUMNS
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import default_threads
from bertbench.measure.timing import time_call
from bertbench.precision import parse_precision
from bertbench.runtime import start_tensorflow
from tools.scripts import show_table

COLUMNS = ("product", "tokens", "spare columns", "ms", "time per token, by 2,944 tokens")
CONFIG = GEOMETRIES["bert-large"]
TOKENS = (2944, 2816, 2880, 2912, 2923)
_SEED = (3, 4)


def make_call(tokens: int, inner: int, spare: int, columns: int, dtype: tf.DType) -> Callable[[], object]:
    """A product with a bias in a graph: [tokens, inner + spare] x [inner + spare, columns]."""

    def draw(*shape: int) -> tf.Tensor:
        return tf.cast(tf.random.stateless_normal(shape, _SEED), dtype)

    x, kernel = draw(tokens, inner + spare), tf.Variable(draw(inner + spare, columns))
    bias = tf.Variable(draw(columns))
    graph = tf.function(
        lambda x: kernels.dense(x, tf.identity(kernel), tf.identity(bias), differentiable=False),
        autograph=False,
    ).get_concrete_function(x)
    return functools.partial(graph, x)


def measure(calls: list[Callable[[], object]], rounds: int) -> np.ndarray:
    """Seconds, [rounds, calls]."""
    seconds = np.zeros((rounds, len(calls)))
    with progress("measure", seconds.size, "calls") as advance:
        for row in seconds:
            for number, call in enumerate(calls):
                call()
                row[number] = time_call(call)
                advance()
    return seconds


@click.command()
@click.option("--precision", default="bf16", show_default=True, type=click.Choice(("fp32", "bf16")))
@click.option("--rounds", default=30, show_default=True)
@click.option("--markdown", is_flag=True, help="Print the table as Markdown, for docs/performance.md.")
def command(precision: str, rounds: int, markdown: bool) -> None:
    """Time products of BERT-large by their number of tokens and the distance of their rows."""
    # As in `bertbench predict`; TensorFlow is imported here already, but reads this with its first product.
    os.environ["TF_ONEDNN_ASSUME_FROZEN_WEIGHTS"] = "1"
    threads = default_threads(read_machine())
    start_tensorflow(threads.intra, threads.inter)
    dtype = parse_precision(precision).compute_dtype
    hidden, wide = CONFIG.hidden_size, CONFIG.intermediate_size
    rows = []
    for name, inner, columns in (("intermediate", hidden, wide), ("output", wide, hidden)):
        shapes = [(tokens, spare) for spare in (0, SPARE_COLUMNS) for tokens in TOKENS]
        seconds = measure([make_call(t, inner, spare, columns, dtype) for t, spare in shapes], rounds)
        per_token = seconds / [tokens for tokens, _ in shapes]
        for number, (tokens, spare) in enumerate(shapes):
            ratio = statistics.median(per_token[:, number] / per_token[:, 0])
            ms = 1000 * statistics.median(seconds[:, number])
            rows.append((name, str(tokens), str(spare), f"{ms:.2f}", f"{ratio:.3f}"))
    title = f"{precision}, {threads}, {read_machine().products}"
    show_table(title, COLUMNS, rows, markdown=markdown)


if __name__ == "__main__":
    command()
