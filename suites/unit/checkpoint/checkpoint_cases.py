"""A small BERT's weights and their names in published checkpoints, written here by hand."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import DTypeLike

VOCABULARY, HIDDEN, INNER, LAYERS, POSITIONS = 11, 4, 8, 2, 6

SPAN_HEAD = {"cls/squad/output_weights": (2, HIDDEN), "cls/squad/output_bias": (2,)}
CLASSIFIER_HEAD = {"output_weights": (3, HIDDEN), "output_bias": (3,)}


def weight_shapes(
    vocabulary: int = VOCABULARY,
    hidden: int = HIDDEN,
    inner: int = INNER,
    layers: int = LAYERS,
    positions: int = POSITIONS,
    *,
    pooler: bool = False,
    pretraining_heads: bool = False,
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of Google's variables, read off `modeling.py` of google-research/bert."""
    shapes: dict[str, tuple[int, ...]] = {
        "bert/embeddings/word_embeddings": (vocabulary, hidden),
        "bert/embeddings/token_type_embeddings": (2, hidden),
        "bert/embeddings/position_embeddings": (positions, hidden),
    }
    dense = {}
    norms = ["bert/embeddings"]
    for layer in range(layers):
        scope = f"bert/encoder/layer_{layer}"
        for name in ("self/query", "self/key", "self/value", "output/dense"):
            dense[f"{scope}/attention/{name}"] = (hidden, hidden)
        dense[f"{scope}/intermediate/dense"] = (hidden, inner)
        dense[f"{scope}/output/dense"] = (inner, hidden)
        norms += [f"{scope}/attention/output", f"{scope}/output"]
    if pooler:
        dense["bert/pooler/dense"] = (hidden, hidden)
    if pretraining_heads:
        dense["cls/predictions/transform/dense"] = (hidden, hidden)
        norms.append("cls/predictions/transform")
        shapes["cls/predictions/output_bias"] = (vocabulary,)
        shapes["cls/seq_relationship/output_weights"] = (2, hidden)
        shapes["cls/seq_relationship/output_bias"] = (2,)
    for scope, shape in dense.items():
        shapes[f"{scope}/kernel"] = shape
        shapes[f"{scope}/bias"] = shape[1:]
    for scope in norms:
        shapes[f"{scope}/LayerNorm/gamma"] = (hidden,)
        shapes[f"{scope}/LayerNorm/beta"] = (hidden,)
    return shapes


def random_weights(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, np.ndarray]:
    """Float32 values of those shapes that float16 and bfloat16 hold exactly: multiples of 1/16 below 4."""
    generator = np.random.default_rng(seed)
    return {
        name: (generator.integers(-64, 65, shape) / 16).astype(np.float32) for name, shape in shapes.items()
    }


# Hugging Face's name and whether it holds the transpose, for each of Google's names outside the layers.
HUGGING_FACE_NAMES = {
    "bert/embeddings/word_embeddings": ("bert.embeddings.word_embeddings.weight", False),
    "bert/embeddings/position_embeddings": ("bert.embeddings.position_embeddings.weight", False),
    "bert/embeddings/token_type_embeddings": ("bert.embeddings.token_type_embeddings.weight", False),
    "bert/embeddings/LayerNorm/gamma": ("bert.embeddings.LayerNorm.weight", False),
    "bert/embeddings/LayerNorm/beta": ("bert.embeddings.LayerNorm.bias", False),
    "bert/pooler/dense/kernel": ("bert.pooler.dense.weight", True),
    "bert/pooler/dense/bias": ("bert.pooler.dense.bias", False),
    "cls/squad/output_weights": ("qa_outputs.weight", False),
    "cls/squad/output_bias": ("qa_outputs.bias", False),
    "output_weights": ("classifier.weight", False),
    "output_bias": ("classifier.bias", False),
    "cls/predictions/transform/dense/kernel": ("cls.predictions.transform.dense.weight", True),
    "cls/predictions/transform/dense/bias": ("cls.predictions.transform.dense.bias", False),
    "cls/predictions/transform/LayerNorm/gamma": ("cls.predictions.transform.LayerNorm.weight", False),
    "cls/predictions/transform/LayerNorm/beta": ("cls.predictions.transform.LayerNorm.bias", False),
    "cls/predictions/output_bias": ("cls.predictions.bias", False),
    "cls/seq_relationship/output_weights": ("cls.seq_relationship.weight", False),
    "cls/seq_relationship/output_bias": ("cls.seq_relationship.bias", False),
}
_LAYER_NAMES = {
    "attention/self/query/kernel": ("attention.self.query.weight", True),
    "attention/self/query/bias": ("attention.self.query.bias", False),
    "attention/self/key/kernel": ("attention.self.key.weight", True),
    "attention/self/key/bias": ("attention.self.key.bias", False),
    "attention/self/value/kernel": ("attention.self.value.weight", True),
    "attention/self/value/bias": ("attention.self.value.bias", False),
    "attention/output/dense/kernel": ("attention.output.dense.weight", True),
    "attention/output/dense/bias": ("attention.output.dense.bias", False),
    "attention/output/LayerNorm/gamma": ("attention.output.LayerNorm.weight", False),
    "attention/output/LayerNorm/beta": ("attention.output.LayerNorm.bias", False),
    "intermediate/dense/kernel": ("intermediate.dense.weight", True),
    "intermediate/dense/bias": ("intermediate.dense.bias", False),
    "output/dense/kernel": ("output.dense.weight", True),
    "output/dense/bias": ("output.dense.bias", False),
    "output/LayerNorm/gamma": ("output.LayerNorm.weight", False),
    "output/LayerNorm/beta": ("output.LayerNorm.bias", False),
}
for _layer in range(12):
    for _google, (_hugging_face, _transposed) in _LAYER_NAMES.items():
        HUGGING_FACE_NAMES[f"bert/encoder/layer_{_layer}/{_google}"] = (
            f"bert.encoder.layer.{_layer}.{_hugging_face}",
            _transposed,
        )


def as_hugging_face(weights: dict[str, np.ndarray], dtype: DTypeLike = np.float32) -> dict[str, np.ndarray]:
    """The tensors as a Hugging Face file has them."""
    tensors: dict[str, np.ndarray] = {}
    for name, value in weights.items():
        hugging_face, transposed = HUGGING_FACE_NAMES[name]
        tensors[hugging_face] = np.ascontiguousarray(value.T if transposed else value).astype(dtype)
    return tensors


def write_google(weights: dict[str, np.ndarray], prefix: Path) -> Path:
    """Write a TensorFlow checkpoint with TensorFlow's own writer."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(weights),
        shape_and_slices=[""] * len(weights),
        tensors=list(weights.values()),
    )
    return prefix


def zero_variables(
    shapes: dict[str, tuple[int, ...]], dtype: tf.DType = tf.float32
) -> dict[str, tf.Variable]:
    """Variables to load into."""
    return {name: tf.Variable(tf.zeros(shape, dtype)) for name, shape in shapes.items()}


def assert_holds(variables: dict[str, tf.Variable], weights: dict[str, np.ndarray]) -> None:
    """Every variable has exactly the value of its name."""
    for name, variable in variables.items():
        np.testing.assert_array_equal(variable.numpy().astype(np.float32), weights[name], err_msg=name)


SHAPES = weight_shapes()
WEIGHTS = random_weights(SHAPES)
DATA = ".data-00000-of-00001"


def touch(folder: Path, *names: str) -> None:
    """Create empty files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


PRETRAINING = weight_shapes(pooler=True, pretraining_heads=True)


SPAN = weight_shapes() | SPAN_HEAD


CLASSIFIER = weight_shapes(pooler=True) | CLASSIFIER_HEAD


MODELS = {"pretraining": PRETRAINING, "span": SPAN, "classifier": CLASSIFIER}
