"""The options that several commands share, and what they turn into."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bertbench.compute import Compute
    from bertbench.config import ModelConfig

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
PATH = click.Path(path_type=Path)


def together(*options: Decorator) -> Decorator:
    """Several click options as one decorator, in the order of the help."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


lower_case_option = click.option(
    "--do-lower-case/--no-do-lower-case",
    default=None,
    help="[default: as the tokenizer's files say; without any, lower-case]",
)

model_options = together(
    click.option("--model-dir", type=PATH, help="Folder with bert_config.json, vocab.txt and a checkpoint."),
    click.option("--init-checkpoint", type=PATH, help="Checkpoint prefix or safetensors file."),
    click.option("--config-file", type=PATH, help="bert_config.json, if not in the model folder."),
    click.option("--vocab-file", type=PATH, help="vocab.txt or tokenizer.json, if not in the model folder."),
    lower_case_option,
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
        metavar="tanh|erf|fused",
        help="tanh: the original's form; erf: the exact one; fused: the tanh form in the compute dtype. "
        "[default: what the model was trained with]",
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


def pop_model_options(values: dict[str, Any]) -> dict[str, Any]:
    """Take `model_options` out of a command's arguments, in the form of `model.source.find_model`."""
    names = ("model_dir", "init_checkpoint", "config_file", "vocab_file", "do_lower_case")
    return {name: values.pop(name) for name in names}


def pop_compute(values: dict[str, Any], config: "ModelConfig") -> "Compute":
    """Take `precision_option` and `kernel_options` out of a command's arguments."""
    from bertbench.compute import Compute, KernelOptions
    from bertbench.precision import parse_precision

    kernels = {name: values.pop(name) for name in ("gelu", "optimized_softmax")}
    return Compute(parse_precision(values.pop("precision")), KernelOptions.for_model(config, **kernels))
