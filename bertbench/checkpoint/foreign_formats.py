"""Weights in formats that are not supported, and how to convert them."""

import re
from pathlib import Path

_SAVE_AGAIN = (
    "save it as model.safetensors: with transformers{version}, "
    "AutoModelFor...from_pretrained(FOLDER{argument}).save_pretrained(NEW_FOLDER)"
)
# Pattern of a file name -> what the file is, and what to do.
_FORMATS = (
    (
        r"adapter_model\.(safetensors|bin)",
        "an adapter without its model",
        "merge it into the model with peft (merge_and_unload) and save that",
    ),
    (
        r"model-\d{5}-of-\d{5}\.safetensors",
        "one of several shards",
        "put model.safetensors.index.json next to them",
    ),
    (r".+\.safetensors", "weights under another name", "give it with --init-checkpoint"),
    (
        # except what a training stores in addition to its weights
        r"(?!optimizer|rng_state|scaler|scheduler|training_args).+\.(bin|pt|pth)(\.index\.json)?",
        "PyTorch's pickle format, which is not supported",
        _SAVE_AGAIN.format(version="", argument=""),
    ),
    (
        r".+\.(h5|keras)",
        "a Keras file, which is not supported",
        _SAVE_AGAIN.format(version=" 4", argument=", from_tf=True"),
    ),
    (
        r".+\.msgpack",
        "a Flax file, which is not supported",
        _SAVE_AGAIN.format(version=" 4", argument=", from_flax=True"),
    ),
    (
        r".+\.(onnx|pb|tflite|gguf)",
        "an exported model, which is not supported",
        "give the checkpoint from which it was exported",
    ),
    (
        r".+\.ckpt",
        "a single file as written by PyTorch Lightning, which is not supported",
        "give Google's three files or model.safetensors",
    ),
)


def describe_foreign(file: Path) -> str | None:
    """What a file of weights in another format is and what to do; None if it is no such file."""
    for pattern, kind, remedy in _FORMATS:
        if re.fullmatch(pattern, file.name):
            return f"is {kind}; {remedy}."
    return None
