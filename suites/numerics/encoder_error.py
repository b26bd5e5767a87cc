"""Models, inputs and the error of every layer's hidden states against the float64 reference."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from bertbench.checkpoint.finding import find_checkpoint
from bertbench.compute import Compute, KernelOptions
from bertbench.config import GEOMETRIES, ModelConfig
from bertbench.model.encoder import Encoder
from bertbench.model.weights import Weights
from bertbench.results.numerics import LayerError
from suites.numerics.reference import Condition, ReferenceEncoder
from suites.numerics.this_machine import bf16_products_truncate
from suites.numerics.ulp import widen
from suites.tolerances import TOLERANCES

UNIT_ROUNDOFF = {"bf16": 2.0**-8, "fp32": 2.0**-24}
MEAN_TRUNCATION = 0.72  # of a log-uniform significand, in unit roundoffs: 1 / (2 ln 2)
DEEP = ModelConfig(
    vocab_size=1024,
    hidden_size=96,
    num_hidden_layers=12,
    num_attention_heads=4,
    intermediate_size=384,
    max_position_embeddings=128,
)


@dataclass(frozen=True)
class Inputs:
    """int [B, S] each; `mask` is 1 for tokens and 0 for padding."""

    input_ids: np.ndarray
    segment_ids: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class EncoderCase:
    """A geometry with weights by Google's names, and its inputs."""

    name: str
    config: ModelConfig
    weights: Mapping[str, np.ndarray]
    inputs: Inputs


def random_case(name: str) -> EncoderCase:
    """Weights so large that attention and feed-forward weigh as much as the residual; "tiny" or "deep"."""
    config = {"tiny": GEOMETRIES["tiny"], "deep": DEEP}[name]
    return EncoderCase(
        f"random {name}", config, random_weights(config, seed=3), random_inputs(config.vocab_size)
    )


def random_weights(config: ModelConfig, seed: int) -> dict[str, np.ndarray]:
    """Products keep their input's variance; embeddings, biases, gamma and beta vary by a few tenths."""
    generator = np.random.default_rng(seed)
    weights = {}
    for name, variable in sorted(_new_encoder(config, Compute())[1].items()):
        shape = tuple(variable.shape)
        if name.endswith("kernel"):
            value = generator.normal(0.0, 1.0 / np.sqrt(shape[0]), shape)
        elif name.endswith("gamma"):
            value = generator.normal(1.0, 0.2, shape)
        else:
            value = generator.normal(0.0, 0.5 if len(shape) == 2 else 0.1, shape)
        weights[name] = value.astype(np.float32)
    return weights


def random_inputs(vocab_size: int, batch: int = 8, tokens: int = 64) -> Inputs:
    generator = np.random.default_rng(41)
    places = np.broadcast_to(np.arange(tokens), (batch, tokens))
    lengths = generator.integers(tokens // 2, tokens + 1, (batch, 1))
    ids = generator.integers(0, vocab_size, (batch, tokens))
    return Inputs(ids, (places > lengths // 2).astype(int), (places < lengths).astype(int))


def stored_case(name: str, folder: Path, inputs: Inputs | None = None) -> EncoderCase:
    """The model in a folder that holds a Google checkpoint, on given or on random inputs."""
    config = ModelConfig.from_json_file(folder / "bert_config.json")
    reader = tf.train.load_checkpoint(str(find_checkpoint(folder)))
    names = [key for key in reader.get_variable_to_shape_map() if key.startswith(("bert/", "cls/squad/"))]
    weights = {key: reader.get_tensor(key) for key in names if "adam" not in key}
    return EncoderCase(name, config, weights, inputs or random_inputs(config.vocab_size))


def hidden_states(case: EncoderCase, compute: Compute) -> list[np.ndarray]:
    """The TensorFlow encoder's, L + 1 times [B, S, H]."""
    encoder, variables = _new_encoder(case.config, compute)
    for name, variable in variables.items():
        variable.assign(tf.cast(case.weights[name], variable.dtype))
    shape = case.inputs.mask.shape
    arrays = {
        "input_ids": case.inputs.input_ids,
        "segment_ids": case.inputs.segment_ids,
        "position_ids": np.broadcast_to(np.arange(shape[1]), shape),
        "sequence_ids": case.inputs.mask,
    }
    batch = {name: tf.constant(value.ravel(), tf.int32) for name, value in arrays.items()}
    batch["blocks"] = tf.constant([shape])
    outputs = tf.function(lambda batch: encoder.layer_outputs(batch))(batch)
    return [output.numpy().reshape(*shape, -1) for output in outputs]


@dataclass(frozen=True)
class Truth:
    """The reference's hidden states, L + 1 times [B, S, H] in float64, and each layer's condition.

    `shrunk` are the states where every product is too small by the mean of a truncation to bfloat16.
    """

    states: Sequence[np.ndarray]
    shrunk: Sequence[np.ndarray]
    conditions: Sequence[Condition]


def find_truth(case: EncoderCase, gelu: str) -> Truth:
    """Run the reference."""
    inputs = case.inputs
    reference, shrunk = (
        ReferenceEncoder(
            case.weights,
            num_heads=case.config.num_attention_heads,
            epsilon=case.config.layer_norm_eps,
            gelu=gelu,
            product_factor=factor,
        )
        for factor in (1.0, 1.0 - MEAN_TRUNCATION * UNIT_ROUNDOFF["bf16"])
    )
    states, shrunk_states = (
        encoder(inputs.input_ids, inputs.segment_ids, inputs.mask) for encoder in (reference, shrunk)
    )
    return Truth(states, shrunk_states, reference.conditions(states, inputs.mask))


def growth_bounds(precision: str) -> tuple[float, float]:
    """What a layer's roundings, and those of its scores, add on this machine, in unit roundoffs."""
    if truncates(precision):
        names = [
            (precision, f"{name} with truncated products")
            for name in ("encoder error growth", "score rounding")
        ]
    else:
        names = [(precision, "encoder error growth"), ("any", "score rounding")]
    growth, scores = (TOLERANCES[name].bound for name in names)
    return growth, scores


def truncates(precision: str) -> bool:
    """Whether products in that precision drop digits on this machine."""
    return precision == "bf16" and bf16_products_truncate()


def layer_errors(
    name: str, precision: str, mask: np.ndarray, got: Sequence[np.ndarray], exact: Truth
) -> list[LayerError]:
    """Root mean square of the difference over that of the exact states, at real tokens, for layers 1 to L.

    The bound adds in squares what comes in and a layer's own roundings, both magnified by the layer's
    condition where that is above 1, and the roundings of its scores: with u the unit roundoff, c and s of the
    tolerances, b_l^2 = k^2 (b_(l-1)^2 + (c u)^2) + (s k_scores u)^2, so c sqrt(l) u for layers that magnify
    nothing. Where products are truncated, what that does to the exact states is added, in squares too.
    """
    (factor, rounding), unit = growth_bounds(precision), UNIT_ROUNDOFF[precision]
    errors = []
    squared_bound = 0.0
    for layer, condition in enumerate(exact.conditions, start=1):
        truth = exact.states[layer][mask > 0]
        relative = _relative_error(widen(got[layer])[mask > 0], truth)
        one_way = _relative_error(exact.shrunk[layer][mask > 0], truth) if truncates(precision) else 0.0
        squared_bound = max(1, condition.inputs) ** 2 * (squared_bound + (factor * unit) ** 2)
        squared_bound += (rounding * condition.scores * unit) ** 2
        errors.append(
            LayerError(name, precision, layer, relative, float(np.sqrt(squared_bound + one_way**2)))
        )
    return errors


def _relative_error(got: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(((got - truth) ** 2).mean() / (truth**2).mean()))


def measure_layers(case: EncoderCase, compute: Compute) -> list[LayerError]:
    """Run both encoders and compare."""
    return layer_errors(
        ", ".join([case.name, *_changed(compute.kernels)]),
        compute.precision.name,
        case.inputs.mask,
        hidden_states(case, compute),
        find_truth(case, "erf" if compute.kernels.gelu == "erf" else "tanh"),
    )


def _changed(kernels: KernelOptions) -> Iterator[str]:
    if kernels.gelu != KernelOptions().gelu:
        yield f"{kernels.gelu} GELU"
    if kernels.optimized_softmax:
        yield "optimized softmax"


def _new_encoder(config: ModelConfig, compute: Compute) -> tuple[Encoder, dict[str, tf.Variable]]:
    weights = Weights(config, compute, trainable=False, seed=None)
    return Encoder(weights, config), weights.by_name
