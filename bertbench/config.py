"""The configuration of a BERT: `bert_config.json` and the named geometries."""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.files import read_json

# Keys in published bert_config.json files that have no effect here.
IGNORED_KEYS = frozenset(
    {
        "_name_or_path",
        "_num_labels",
        "architectures",
        "attention_dropout",
        "bos_token_id",
        "directionality",
        "dtype",
        "eos_token_id",
        "finetuning_task",
        "gradient_checkpointing",
        "id2label",
        "label2id",
        "pad_token_id",
        "pooler_fc_size",
        "pooler_num_attention_heads",
        "pooler_num_fc_layers",
        "pooler_size_per_head",
        "pooler_type",
        "problem_type",
        "tie_word_embeddings",
        "torch_dtype",
        "transformers_version",
        "use_cache",
    }
)

# Keys in Hugging Face's files, with the only value that this BERT supports.
FIXED_KEYS = {
    "add_cross_attention": False,
    "is_decoder": False,
    "model_type": "bert",
    "position_embedding_type": "absolute",
}

# `hidden_act` -> the GELU variant that it names. In Google's files `gelu` is the tanh form
# (google-research/bert, modeling.py); the other names are Hugging Face's (transformers, activations.py).
GELU_OF_HIDDEN_ACT = {
    "gelu": "tanh",
    "gelu_accurate": "tanh",
    "gelu_fast": "tanh",
    "gelu_new": "tanh",
    "gelu_python": "erf",
    "gelu_python_tanh": "tanh",
    "gelu_pytorch_tanh": "tanh",
}

MOST_LAYERS = 1000

_TYPES = {
    int: ((int,), "int"),
    float: ((int, float), "float"),
    float | None: ((int, float, type(None)), "float or null"),
    str: ((str,), "str"),
}


def _check_type(name: str, value: object, annotation: Any) -> None:
    types, described = _TYPES[annotation]
    if isinstance(value, bool) or not isinstance(value, types):
        raise InputError(f"{name} is {value!r}; it must be {described}.")


@dataclass(frozen=True)
class ModelConfig:
    """The sizes of a BERT, with the names of Google's `bert_config.json`.

    In shapes, H is `hidden_size`, A `num_attention_heads`, D = H / A, F `intermediate_size`, V `vocab_size`
    and L `num_hidden_layers` (all letters: CONTRIBUTING.md).

    Attributes:
      hidden_act: one of `GELU_OF_HIDDEN_ACT`.
      classifier_dropout: that of a classifier's pooled output; None is `hidden_dropout_prob`.
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"
    classifier_dropout: float | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_type(field.name, getattr(self, field.name), field.type)
        for name in (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
        ):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.num_hidden_layers > MOST_LAYERS:
            raise InputError(
                f"num_hidden_layers is {self.num_hidden_layers}; at most {MOST_LAYERS} are supported."
            )
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"):
            rate = getattr(self, name)
            if rate is not None and not 0 <= rate < 1:
                raise InputError(f"{name} is {rate}; it must be in [0, 1).")
        if self.hidden_size % self.num_attention_heads:
            raise InputError(
                f"hidden_size {self.hidden_size} is not a multiple of "
                f"num_attention_heads {self.num_attention_heads}."
            )
        if not all(0 < value < math.inf for value in (self.layer_norm_eps, self.initializer_range)):
            raise InputError("layer_norm_eps and initializer_range must be positive and finite.")
        if self.hidden_act not in GELU_OF_HIDDEN_ACT:
            known = ", ".join(GELU_OF_HIDDEN_ACT)
            raise InputError(f"hidden_act is {self.hidden_act!r}; only {known} are supported.")

    @property
    def head_size(self) -> int:
        """D, the width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def encoder_weights(self) -> int:
        """The number of values in all weights, those of a head and its pooler left out."""
        hidden, wide = self.hidden_size, self.intermediate_size
        rows = self.vocab_size + self.max_position_embeddings + self.type_vocab_size
        products = 4 * hidden * (hidden + 1) + hidden * (wide + 1) + wide * (hidden + 1)
        norm = 2 * hidden
        return rows * hidden + norm + self.num_hidden_layers * (products + 2 * norm)

    @property
    def gelu(self) -> str:
        """The GELU variant that the model was trained with: `tanh` or `erf`."""
        return GELU_OF_HIDDEN_ACT[self.hidden_act]

    def with_gelu(self, variant: str) -> "ModelConfig":
        """This configuration with the GELU variant of a training, one of `GELU_VARIANTS`."""
        form = "erf" if variant == "erf" else "tanh"
        if form == self.gelu:
            return self
        return dataclasses.replace(self, hidden_act="gelu_python" if form == "erf" else "gelu")

    @classmethod
    def from_json_file(cls, path: Path | str) -> "ModelConfig":
        """Read a `bert_config.json`.

        Raises:
          InputError: the file is unreadable, a key is unknown, a value has the wrong type, or two
            values contradict each other; the message names file and key.
        """
        values = read_json(path)
        if not isinstance(values, dict):
            raise InputError(f"{path}: is not a JSON object; bert_config.json must be one.")
        try:
            return cls.from_dict(values)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """A configuration from the keys of `bert_config.json`; see `from_json_file`."""
        names = {field.name for field in dataclasses.fields(cls)}
        for name, value in FIXED_KEYS.items():
            if values.get(name, value) != value:
                raise InputError(f"{name} is {values[name]!r}; only {value!r} is supported.")
        unknown = sorted(set(values) - names - IGNORED_KEYS - FIXED_KEYS.keys())
        if unknown:
            raise InputError(f"unknown key {', '.join(unknown)}; remove it or correct its spelling.")
        required = {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"}
        missing = sorted(required - set(values))
        if missing:
            raise InputError(f"key {', '.join(missing)} is missing; add it.")
        return cls(**{name: value for name, value in values.items() if name in names})

    def to_dict(self) -> dict[str, Any]:
        """The keys and values of `bert_config.json`, for `from_dict`."""
        values = dataclasses.asdict(self)
        if self.classifier_dropout is None:
            del values["classifier_dropout"]
        return values

    def to_json(self) -> str:
        """The text of `bert_config.json`, for `from_json_file`."""
        return json.dumps(self.to_dict(), indent=2) + "\n"


_LARGE = ModelConfig(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
GEOMETRIES = {
    "tiny": ModelConfig(
        vocab_size=1024,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
    ),
    "bert-base": ModelConfig(),
    "bert-large": _LARGE,
    "bert-large-4l": dataclasses.replace(
        _LARGE, num_hidden_layers=4
    ),  # a sixth of the time, as layers are alike
}
