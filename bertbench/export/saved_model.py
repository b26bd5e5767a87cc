"""A TensorFlow SavedModel with the signature `serving_default`, as TensorFlow Serving expects it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from bertbench.export.dense import DenseModel

# Attributes of functions that XLA compiles, and of functions with custom gradients.
_TRAINING_ATTRIBUTES = ("_XlaMustCompile", "_gradient_op_type")
_SIGNATURE = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def write_saved_model(folder: Path, model: DenseModel) -> None:
    """Write a SavedModel into a folder."""
    function = tf.function(model.__call__, autograph=False)
    signature = function.get_concrete_function(**model.signature())
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(model, str(folder), signatures={_SIGNATURE: signature}, options=options)
    _drop_attributes(folder / tf.saved_model.SAVED_MODEL_FILENAME_PB)


def run_saved_model(folder: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of a SavedModel by name."""
    function = tf.saved_model.load(str(folder)).signatures[_SIGNATURE]
    outputs = function(**{name: tf.constant(values) for name, values in inputs.items()})
    return {name: values.numpy() for name, values in outputs.items()}


def _drop_attributes(path: Path) -> None:
    """Remove attributes of training; TensorFlow Serving does not compile with XLA by default."""
    saved = SavedModel.FromString(path.read_bytes())
    for meta_graph in saved.meta_graphs:
        graph = meta_graph.graph_def
        nodes = [node for function in graph.library.function for node in function.node_def]
        for holder in (*graph.library.function, *nodes, *graph.node):
            for name in _TRAINING_ATTRIBUTES:
                holder.attr.pop(name, None)
    path.write_bytes(saved.SerializeToString(deterministic=True))
