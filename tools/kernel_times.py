"""`python -m tools.kernel_times`: the time of each kernel between matrix products, by variant.

The variants that the model uses are compared with other ones. The shapes are those of one
layer of BERT-large for 8 rows of 384 tokens. The floor is the time to move the operands through memory once.

"""

import functools
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click
import numpy as np
import tensorflow as tf

from bertbench import kernels
from bertbench.config import GEOMETRIES
from bertbench.console import progress
from bertbench.measure.bandwidth import memory_bandwidth
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import default_threads
from bertbench.measure.timing import time_call
from bertbench.precision import parse_precision
from bertbench.runtime import start_tensorflow
from tools.scripts import show_table

COLUMNS = ("kernel", "form", "used", "ms", "floor ms")
ROWS, SEQUENCE = 8, 384
CONFIG = GEOMETRIES["bert-large"]
RATE, SEED = 0.1, (1, 2)


@dataclass(frozen=True)
class Form:
    """One way to compute a kernel.

    Attributes:
      used: whether the model uses it by default.
      moved: arrays like the operand that are read or written once; 0 if a matrix product is part of it.
    """

    kernel: str
    name: str
    function: Callable[[tf.Tensor], tf.Tensor | list[tf.Tensor]]
    operand: tf.Tensor
    used: bool = False
    moved: int = 2

    @property
    def floor_bytes(self) -> int:
        """The least bytes that must be moved through memory."""
        return self.moved * self.operand.dtype.size * int(np.prod(self.operand.shape))


def _softmax_forms(scores: tf.Tensor) -> Iterator[Form]:
    def through_island(x: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.nn.softmax(tf.cast(x, tf.float32)), x.dtype)

    yield Form("softmax", "cast, softmax, cast", through_island, scores)
    yield Form("softmax", "kernels.softmax", kernels.softmax, scores, used=True)
    yield Form("softmax", "compiled by XLA", kernels.compiled(through_island), scores)


def _gelu_forms(wide: tf.Tensor, hidden: tf.Tensor) -> Iterator[Form]:
    kernel = tf.zeros([CONFIG.hidden_size, CONFIG.intermediate_size], hidden.dtype)
    bias = tf.zeros([CONFIG.intermediate_size], hidden.dtype)
    yield Form("product", "alone", lambda x: kernels.dense(x, kernel, bias), hidden, used=True, moved=0)
    for variant in ("tanh", "erf", "fused"):

        def activate(x: tf.Tensor, variant: str = variant) -> tf.Tensor:
            return kernels.gelu(x, variant)

        def behind_product(x: tf.Tensor, activate: Callable[[tf.Tensor], tf.Tensor] = activate) -> tf.Tensor:
            return activate(kernels.dense(x, kernel, bias))

        used = variant == "tanh"
        yield Form("GELU", variant, activate, wide, used)
        yield Form("product and GELU", variant, behind_product, hidden, used, moved=0)


def _projection_forms(hidden: tf.Tensor) -> Iterator[Form]:
    size = CONFIG.hidden_size
    kernels_apart = [tf.fill([size, size], tf.cast(number, hidden.dtype)) for number in (0.0, 0.01, 0.02)]
    together = tf.concat(kernels_apart, axis=1)

    def one_product(x: tf.Tensor) -> tf.Tensor:
        return kernels.dense(x, together, tf.zeros([3 * size], x.dtype))

    def three_products(x: tf.Tensor) -> list[tf.Tensor]:
        return [kernels.dense(x, kernel, tf.zeros([size], x.dtype)) for kernel in kernels_apart]

    yield Form("query, key and value", "one product", one_product, hidden, moved=0)
    yield Form("query, key and value", "three products", three_products, hidden, used=True, moved=0)


def _norm_forms(hidden: tf.Tensor) -> Iterator[Form]:
    gamma, beta = tf.ones([CONFIG.hidden_size]), tf.zeros([CONFIG.hidden_size])

    def by_operations(x: tf.Tensor) -> tf.Tensor:
        total = tf.cast(x, tf.float32) + tf.cast(hidden, tf.float32)
        mean, variance = tf.nn.moments(total, [-1], keepdims=True)
        return tf.cast(tf.nn.batch_normalization(total, mean, variance, beta, gamma, 1e-12), x.dtype)

    def compiled(x: tf.Tensor) -> tf.Tensor:
        return kernels.add_and_norm(x, hidden, gamma, beta, 1e-12)

    yield Form("residual and layer norm", "TensorFlow's operations", by_operations, hidden, moved=3)
    yield Form("residual and layer norm", "kernels.add_and_norm", compiled, hidden, used=True, moved=3)


def _dropout_forms(scores: tf.Tensor) -> Iterator[Form]:
    seed = tf.constant(SEED, tf.uint32)
    yield Form("dropout", "tf.nn.dropout", lambda x: tf.nn.dropout(x, RATE), scores)
    yield Form("dropout", "kernels.dropout", lambda x: kernels.dropout(x, RATE, seed), scores, used=True)


def make_forms(dtype: tf.DType, rows: int = ROWS, sequence: int = SEQUENCE) -> list[Form]:
    """Every variant with random operands of this dtype."""

    def draw(*shape: int) -> tf.Tensor:
        return tf.cast(tf.random.stateless_normal(shape, SEED), dtype)

    tokens = rows * sequence
    scores = draw(rows, CONFIG.num_attention_heads, sequence, sequence)
    wide, hidden = draw(tokens, CONFIG.intermediate_size), draw(tokens, CONFIG.hidden_size)
    return [
        *_softmax_forms(scores),
        *_projection_forms(hidden),
        *_gelu_forms(wide, hidden),
        *_norm_forms(hidden),
        *_dropout_forms(scores),
    ]


def measure_forms(forms: list[Form], rounds: int) -> list[float]:
    """The median seconds of each variant, with one call of each per round."""
    graphs = [
        tf.function(form.function, autograph=False).get_concrete_function(form.operand) for form in forms
    ]
    seconds: list[list[float]] = [[] for _ in forms]
    with progress("measure", rounds * len(forms), "calls") as advance:
        for _ in range(rounds):
            for form, graph, times in zip(forms, graphs, seconds, strict=True):
                graph(form.operand)  # compiles the first time, and later allocates its arrays again
                times.append(time_call(functools.partial(graph, form.operand)))
                advance()
    return [statistics.median(times) for times in seconds]


@click.command()
@click.option("--precision", default="bf16", show_default=True, type=click.Choice(("fp32", "bf16")))
@click.option("--rounds", default=15, show_default=True)
@click.option("--markdown", is_flag=True, help="Print the table as Markdown, for docs/performance.md.")
def command(precision: str, rounds: int, markdown: bool) -> None:
    """Time the variants of the kernels between BERT-large's matrix products."""
    threads = default_threads(read_machine())
    start_tensorflow(threads.intra, threads.inter)
    forms = make_forms(parse_precision(precision).compute_dtype)
    seconds = measure_forms(forms, rounds)
    bandwidth = memory_bandwidth() * 1e9
    rows = [
        (
            form.kernel,
            form.name,
            "yes" if form.used else "",
            f"{1000 * taken:.1f}",
            f"{1000 * form.floor_bytes / bandwidth:.1f}" if form.moved else "",
        )
        for form, taken in zip(forms, seconds, strict=True)
    ]
    products = read_machine().products
    title = (
        f"{precision}, {ROWS} rows of {SEQUENCE} tokens, {threads}, {bandwidth / 1e9:.0f} GB/s, {products}"
    )
    show_table(title, COLUMNS, rows, markdown=markdown)


if __name__ == "__main__":
    command()
