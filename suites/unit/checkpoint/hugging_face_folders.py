"""Model folders as Hugging Face's library saves them, small and with weights stated by the test."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from bertbench.data.vocabulary import SPECIAL_TOKENS
from suites.unit.checkpoint.checkpoint_cases import (
    HIDDEN,
    INNER,
    LAYERS,
    POSITIONS,
    as_hugging_face,
    random_weights,
    weight_shapes,
)

PIECES = (*SPECIAL_TOKENS, "a", "b", "c", ".", "the", "##s")
# The geometry of `checkpoint_cases`, in the keys that a config.json of transformers has.
CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "hidden_act": "gelu",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "max_position_embeddings": POSITIONS,
    "model_type": "bert",
    "num_attention_heads": 2,
    "num_hidden_layers": LAYERS,
    "transformers_version": "4.57.1",
    "vocab_size": len(PIECES),
}


def write_config(folder: Path, **changes: object) -> Path:
    """Write `config.json`; a change to None removes the key."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {name: value for name, value in (CONFIG | changes).items() if value is not None}
    path = folder / "config.json"
    path.write_text(json.dumps(values))
    return path


def write_vocabulary(folder: Path, pieces: Iterable[str] = PIECES) -> Path:
    """Write `vocab.txt`."""
    path = folder / "vocab.txt"
    path.write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    return path


def classifier_weights(num_labels: int, seed: int = 0, positions: int = POSITIONS) -> dict[str, np.ndarray]:
    """Weights of an encoder with pooler and classifier, by the model's names."""
    shapes = weight_shapes(positions=positions, pooler=True)
    shapes |= {"output_weights": (num_labels, HIDDEN), "output_bias": (num_labels,)}
    return random_weights(shapes, seed)


def write_model(folder: Path, weights: Mapping[str, np.ndarray], **changes: object) -> Path:
    """A whole folder: `config.json`, `vocab.txt` and `model.safetensors`."""
    write_config(folder, **changes)
    write_vocabulary(folder)
    save_file(as_hugging_face(dict(weights)), folder / "model.safetensors", metadata={"format": "pt"})
    return folder
