"""The two formats of model configurations: Google's `bert_config.json` and Hugging Face's `config.json`.

Google's is read strictly: an unknown key is an error. Hugging Face's may have any key
(https://huggingface.co/docs/transformers/main_classes/configuration), so unknown ones are ignored with a
notice, and keys that would change the computation are an error. `gelu` is the exact form in
Hugging Face's files and the tanh form in Google's.
"""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.checkpoint.labels import LABEL_KEYS, OutputLabels
from bertbench.config import FIXED_KEYS, IGNORED_KEYS, ModelConfig
from bertbench.console import notice
from bertbench.errors import InputError
from bertbench.files import read_json

GOOGLE_NAME = "bert_config.json"
HUGGING_FACE_NAME = "config.json"

# Keys that mark a file with another name as Hugging Face's.
_HUGGING_FACE_KEYS = ("architectures", "model_type", "transformers_version")
# The BERT classes of transformers, for files of its first versions, which have no `model_type`.
_BERT_CLASS = re.compile(r"Bert(Model|LMHeadModel|For\w+)")
# Keys that change what a model computes, with the only value (besides null) that does not.
_NEUTRAL_VALUES: dict[str, Any] = {
    **FIXED_KEYS,
    "alibi_starting_size": None,
    "auto_map": None,
    "embedding_size": None,
    "feed_forward_type": "original",
    "is_encoder_decoder": False,
    "pruned_heads": {},
    "quantization_config": None,
}
_NAMED_AT_MOST = 6


@dataclass(frozen=True)
class ConfigFile:
    """The contents of a configuration file.

    Attributes:
      path: the file.
      config: the sizes of the model.
      labels: the names of a classifier's outputs.
    """

    path: Path
    config: ModelConfig
    labels: OutputLabels


def find_config(folder: Path) -> Path:
    """The configuration of a model folder, Google's first.

    Raises:
      InputError: the folder contains none.
    """
    for name in (GOOGLE_NAME, HUGGING_FACE_NAME):
        if (folder / name).exists():
            return folder / name
    raise InputError(
        f"{folder}: contains neither {GOOGLE_NAME} nor {HUGGING_FACE_NAME}; "
        "give a model folder, or the file with --config-file."
    )


def read_config(path: Path | str) -> ConfigFile:
    """Read a configuration file of either kind.

    `config.json` is Hugging Face's and `bert_config.json` is Google's. A file with another name is Hugging
    Face's if it contains `model_type`, `architectures` or `transformers_version`.

    Raises:
      InputError: the file is unreadable, a key is missing, unknown (in Google's), or has a wrong type or
        value, or the model is not supported; the message names file and key.
    """
    path = Path(path)
    values = _read_object(path)
    hugging_face = _is_hugging_face(path, values)
    try:
        config = _read_hugging_face(values) if hugging_face else ModelConfig.from_dict(values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if hugging_face:
        _note_unknown_keys(path, values)
    return ConfigFile(path, config, OutputLabels(path, values, has_default_names=hugging_face))


def read_labels_beside(checkpoint: Path, stated: ConfigFile) -> OutputLabels:
    """The labels of a checkpoint: those of Hugging Face's file in its folder, else the given ones.

    Raises:
      InputError: the file in its folder is not of a BERT.
    """
    path = checkpoint.parent / HUGGING_FACE_NAME
    if path == stated.path or not path.exists():
        return stated.labels
    values = _read_object(path)
    if values.get("model_type") not in (None, FIXED_KEYS["model_type"]):
        raise InputError(f"{path}: model_type is {values['model_type']!r}; the weights are not of a BERT.")
    return OutputLabels(path, values, has_default_names=True)


def _read_object(path: Path) -> dict[str, Any]:
    values = read_json(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: is not a JSON object; a model's configuration must be one.")
    return values


def _is_hugging_face(path: Path, values: dict[str, Any]) -> bool:
    if path.name in (GOOGLE_NAME, HUGGING_FACE_NAME):
        return path.name == HUGGING_FACE_NAME
    return any(key in values for key in _HUGGING_FACE_KEYS)


def _read_hugging_face(values: dict[str, Any]) -> ModelConfig:
    _require_bert(values)
    for name, neutral in _NEUTRAL_VALUES.items():
        value = values.get(name)
        if value is not None and value != neutral:
            wanted = f"only {neutral!r} is supported" if neutral is not None else "it is not supported"
            raise InputError(f"{name} is {_shorten(value)}; {wanted}.")
    names = {field.name for field in dataclasses.fields(ModelConfig)}
    known = {name: value for name, value in values.items() if name in names}
    if known.get("hidden_act", "gelu") == "gelu":
        known["hidden_act"] = "gelu_python"
    return ModelConfig.from_dict(known)


def _require_bert(values: dict[str, Any]) -> None:
    """Check that the file is of a BERT: other models use the same names for other computations."""
    if values.get("model_type") is not None:
        return
    classes = values.get("architectures")
    if isinstance(classes, list) and classes and all(_BERT_CLASS.fullmatch(str(name)) for name in classes):
        return
    named = f", and architectures is {_shorten(classes)}" if classes else ""
    raise InputError(
        f"model_type is missing{named}; if the model is a BERT, add "
        f'"model_type": "bert" to the file, or rename a file of Google to {GOOGLE_NAME}.'
    )


def _note_unknown_keys(path: Path, values: dict[str, Any]) -> None:
    fields = {field.name for field in dataclasses.fields(ModelConfig)}
    unknown = sorted(set(values) - fields - IGNORED_KEYS - LABEL_KEYS - _NEUTRAL_VALUES.keys())
    if unknown:
        more = len(unknown) - _NAMED_AT_MOST
        named = [*unknown[:_NAMED_AT_MOST], f"{more} more"] if more > 0 else unknown
        notice(f"{path}: keys that are not used here: {', '.join(named)}.")


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
