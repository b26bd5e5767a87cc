"""The options that several commands share, and what they turn into."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from bertbench.console import notice
from bertbench.measure.machine import read_machine
from bertbench.measure.threads import ThreadSettings, apply_threads, default_threads

PATH = click.Path(path_type=Path)


def together(*options: Callable) -> Callable:
    """Several click options as one decorator, in the order of the help."""

    def decorate(function: Callable) -> Callable:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


model_options = together(
    click.option("--model-dir", type=PATH, help="Folder with bert_config.json, vocab.txt and a checkpoint."),
    click.option("--init-checkpoint", type=PATH, help="Checkpoint prefix or safetensors file."),
    click.option("--config-file", type=PATH, help="bert_config.json, if not in the model folder."),
    click.option("--vocab-file", type=PATH, help="vocab.txt, if not in the model folder."),
    click.option("--do-lower-case/--no-do-lower-case", default=True, show_default=True),
)

precision_option = click.option(
    "--precision",
    default="fp32",
    show_default=True,
    metavar="fp32|bf16",
    help="What products are computed in; float32 and bfloat16 are other names.",
)

kernel_options = together(
    click.option(
        "--gelu",
        default="tanh",
        show_default=True,
        metavar="tanh|erf|fused",
        help="tanh: the original's form; erf: the exact one; fused: the tanh form in the compute dtype.",
    ),
    click.option(
        "--optimized-softmax/--no-optimized-softmax",
        default=False,
        show_default=True,
        help="Softmax in the compute dtype instead of float32.",
    ),
)

thread_options = together(
    click.option("--num-intra-threads", type=click.IntRange(min=1), help="Threads within an operation."),
    click.option("--num-inter-threads", type=click.IntRange(min=1), help="Operations at once."),
)


def start_tensorflow(
    num_intra_threads: int | None,
    num_inter_threads: int | None,
    default: ThreadSettings | None = None,
    *,
    trains: bool = True,
) -> ThreadSettings:
    """Import TensorFlow and give it its threads: those asked for, else the default, else the machine's.

    Where nothing trains, oneDNN may keep its own arrangement of the weights from call to call. TensorFlow
    reads that once a process, so it is left alone where something else has imported TensorFlow.
    """
    if not trains and "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", "1")
    with quiet_import():
        import tensorflow  # noqa: F401

    default = default or default_threads(read_machine())
    threads = ThreadSettings(num_intra_threads or default.intra, num_inter_threads or default.inter)
    apply_threads(threads)
    notice(f"threads: {threads}")
    return threads


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Drop what TensorFlow's libraries write to standard error before they read TF_CPP_MIN_LOG_LEVEL.

    TensorFlow 2.21 logs its use of oneDNN whatever that variable says
    (https://github.com/tensorflow/tensorflow/issues/100442). A level below 2 asks to see it.
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


def pop_model_options(values: dict[str, Any]) -> dict[str, Any]:
    """Take `model_options` out of a command's arguments, in the form of `model.source.find_model`."""
    names = ("model_dir", "init_checkpoint", "config_file", "vocab_file", "do_lower_case")
    return {name: values.pop(name) for name in names}


def pop_kernel_options(values: dict[str, Any]) -> dict[str, Any]:
    """Take `kernel_options` out of a command's arguments, in the form of `config.KernelOptions`."""
    return {name: values.pop(name) for name in ("gelu", "optimized_softmax")}
