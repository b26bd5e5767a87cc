"""The names of BERT's weights in the supported file formats, mapped to the names in the model.

The model's names are those of Google's checkpoints (google-research/bert, `modeling.py` and the `run_*.py`
heads). Files of Intel's TensorFlow models and of Hugging Face's `BertFor...` classes use other names.
"""

import re

_DENSE = ("kernel", "bias")
_NORM = ("gamma", "beta")

# Parts that only some tasks have -> the names of their weights.
PARTS = {
    "pooler": tuple(f"bert/pooler/dense/{leaf}" for leaf in _DENSE),
    "span head": ("cls/squad/output_weights", "cls/squad/output_bias"),
    "classifier head": ("output_weights", "output_bias"),
    "masked-LM head": (
        *(f"cls/predictions/transform/dense/{leaf}" for leaf in _DENSE),
        *(f"cls/predictions/transform/LayerNorm/{leaf}" for leaf in _NORM),
        "cls/predictions/output_bias",
    ),
    "next-sentence head": ("cls/seq_relationship/output_weights", "cls/seq_relationship/output_bias"),
}
PART_OF = {name: part for part, names in PARTS.items() for name in names}

# Hugging Face's second names of weights that exist only once in the model.
TIED_NAMES = {
    "cls.predictions.decoder.weight": "bert/embeddings/word_embeddings",
    "cls.predictions.decoder.bias": "cls/predictions/output_bias",
}

# Hugging Face's names whose weights are stored as Google stores them: [outputs, H], not transposed.
_HUGGING_FACE_HEADS = {
    "qa_outputs.weight": "cls/squad/output_weights",
    "qa_outputs.bias": "cls/squad/output_bias",
    "classifier.weight": "output_weights",
    "classifier.bias": "output_bias",
    "cls.predictions.bias": "cls/predictions/output_bias",
    "cls.seq_relationship.weight": "cls/seq_relationship/output_weights",
    "cls.seq_relationship.bias": "cls/seq_relationship/output_bias",
}
_HUGGING_FACE_NORM = {"weight": "gamma", "gamma": "gamma", "bias": "beta", "beta": "beta"}

_WRAPPERS = ("module", "_orig_mod")
_KERAS_NORM = re.compile(r"(?<=/)layer_normalization(_\d+)?(?=/)")
_INTEL_CLASSIFIER = re.compile(r"cls/classifier/(?=output_(weights|bias)$)")
_BOOKKEEPING = re.compile(
    r"global_step|beta[12]_power|current_loss_scale|good_steps"
    r"|(adam|lamb)_[mv]|(distributed)?(adam|lamb)(w|weightdecay)?(optimizer)?(_\d+)?",
    re.IGNORECASE,
)


def unwrapped(name: str) -> str:
    """A name without the prefixes of PyTorch's wrappers: `module.` (parallel), `_orig_mod.` (compiled)."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def read_google_name(name: str) -> str:
    """The model's name of a weight in a Google or Intel TensorFlow checkpoint.

    Intel's files name layer norms by their Keras layer (`layer_normalization`, `layer_normalization_7`) and
    keep the classifier under `cls/classifier/`.
    """
    return _INTEL_CLASSIFIER.sub("", _KERAS_NORM.sub("LayerNorm", name))


def read_hugging_face_name(name: str) -> tuple[str, bool]:
    """The model's name of a weight of Hugging Face's BERT, and whether the file has its transpose.

    PyTorch's `nn.Linear` keeps [outputs, inputs]; the model's kernels are [inputs, outputs]. The `bert.`
    prefix may be missing, layer norms may have the older leaves `gamma` and `beta`, and the model may have
    been saved in PyTorch's wrappers.
    """
    name = unwrapped(name)
    if name in TIED_NAMES:
        return TIED_NAMES[name], False
    if name in _HUGGING_FACE_HEADS:
        return _HUGGING_FACE_HEADS[name], False
    *scope, leaf = name.removeprefix("bert.").split(".")
    path = re.sub(r"(?<=^encoder/)layer/(?=\d+/)", "layer_", "/".join(scope))
    if path.startswith(("embeddings", "encoder/", "pooler/")):
        path = f"bert/{path}"
    if path.endswith("/LayerNorm"):
        return f"{path}/{_HUGGING_FACE_NORM.get(leaf, leaf)}", False
    if path.endswith("_embeddings") and leaf == "weight":
        return path, False
    if leaf == "weight":
        return f"{path}/kernel", True
    return f"{path}/{leaf}", False


def is_bookkeeping(name: str) -> bool:
    """Whether a file's tensor is not a weight: an optimizer slot, a step, a loss scale, position numbers."""
    parts = re.split(r"[/.]", name)
    return parts[-1] == "position_ids" or any(_BOOKKEEPING.fullmatch(part) for part in parts)
