"""Assigns the tensors of a file to variables, by names, shapes and dtypes only."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf

from bertbench.checkpoint.names import PART_OF, PARTS, TIED_NAMES, is_bookkeeping, unwrapped
from bertbench.errors import InputError

# Tables whose number of rows is a key of bert_config.json.
_ROWS = {
    "bert/embeddings/word_embeddings": "vocab_size",
    "bert/embeddings/position_embeddings": "max_position_embeddings",
    "bert/embeddings/token_type_embeddings": "type_vocab_size",
    "cls/predictions/output_bias": "vocab_size",
}
_NAMED_AT_MOST = 8  # most tensors in one list of an error message


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a checkpoint file.

    `name`, `shape` and `dtype` are those of the file; `variable` is the name in the model; `transposed` means
    that the file has the transpose of the variable.
    """

    name: str
    shape: tuple[int, ...]
    dtype: tf.DType
    variable: str
    transposed: bool = False

    @property
    def is_tied(self) -> bool:
        """Whether the name is Hugging Face's second one of a weight that the model has once."""
        return unwrapped(self.name) in TIED_NAMES

    @property
    def variable_shape(self) -> tuple[int, ...]:
        """The shape in the model."""
        return self.shape[::-1] if self.transposed else self.shape

    @property
    def byte_count(self) -> int:
        """The size of the values in bytes (for strings, the minimum)."""
        return math.prod(self.shape) * self.dtype.size


@dataclass(frozen=True)
class LoadPlan:
    """What to load.

    `sources` maps each variable to its tensor, in the order of the file; `initial` variables keep their
    initial value; `left_aside` names the parts of the file that the model does not have; `ties` are pairs of
    tensors that must be equal, because the model has them only once.
    """

    sources: dict[str, StoredTensor]
    initial: tuple[str, ...]
    left_aside: tuple[str, ...]
    ties: tuple[tuple[StoredTensor, StoredTensor], ...]


def plan_loading(
    wanted: Mapping[str, tf.TensorSpec],
    stored: Sequence[StoredTensor],
    *,
    origin: str,
    fresh: Collection[str] = (),
    replaced: Collection[str] = (),
) -> LoadPlan:
    """Match the model's variables with a file's tensors.

    Args:
      wanted: shape and dtype of each variable, by the model's name.
      stored: the file's tensors.
      origin: what to call the file in the error.
      fresh: variables whose part (see `PARTS`) may be absent from the file as a whole.
      replaced: variables that are not loaded, whatever the file has for them.

    Raises:
      InputError: variables are missing or have another shape or kind of dtype, or the file contains something
        unexpected; one message names them, of many the first.
    """
    if unknown := set(fresh) - set(wanted):
        raise ValueError(f"fresh names that are not wanted: {sorted(unknown)}")
    found, ties, doubles = _index(stored)
    initial = _absent_parts(fresh, found) | set(replaced)
    missing = [name for name in wanted if name not in found and name not in initial]
    sources = {name: tensor for name, tensor in found.items() if name in wanted and name not in replaced}
    unfit = [text for name, tensor in sources.items() if (text := _misfit(tensor, wanted[name]))]
    others = [
        tensor for tensor in stored if tensor.variable not in wanted and not is_bookkeeping(tensor.name)
    ]
    unexpected = [tensor.name for tensor in others if tensor.variable not in PART_OF]
    if missing or unfit or unexpected or doubles:
        raise InputError(_complaint(origin, missing, unfit, unexpected, doubles))
    present = {PART_OF[tensor.variable] for tensor in others}
    return LoadPlan(
        sources=sources,
        initial=tuple(name for name in wanted if name in initial),
        left_aside=tuple(part for part in PARTS if part in present),
        ties=tuple(ties) if any(PART_OF.get(name) == "masked-LM head" for name in sources) else (),
    )


def _index(
    stored: Sequence[StoredTensor],
) -> tuple[dict[str, StoredTensor], list[tuple[StoredTensor, StoredTensor]], list[str]]:
    """The tensor of each variable, the tied pairs, and the names of tensors that claim the same variable."""
    found: dict[str, StoredTensor] = {}
    ties = []
    doubles = []
    for tensor in sorted(stored, key=lambda tensor: tensor.is_tied):
        first = found.setdefault(tensor.variable, tensor)
        if first is tensor:
            continue
        if tensor.is_tied:
            ties.append((tensor, first))
        else:
            doubles.append(f"{first.name} and {tensor.name}")
    return found, ties, doubles


def _absent_parts(fresh: Collection[str], found: Mapping[str, StoredTensor]) -> set[str]:
    """Those of `fresh` whose part of the model is completely absent."""
    parts: dict[str, list[str]] = {}
    for name in fresh:
        parts.setdefault(PART_OF.get(name, "encoder"), []).append(name)
    absent = (names for names in parts.values() if not any(name in found for name in names))
    return {name for names in absent for name in names}


def _misfit(tensor: StoredTensor, wanted: tf.TensorSpec) -> str | None:
    name, have, want = tensor.variable, tensor.variable_shape, tuple(wanted.shape)
    if have != want:
        if name in _ROWS and have[1:] == want[1:] and len(have) == len(want):
            return (
                f"the configuration says {_ROWS[name]} {want[0]}, the checkpoint has {have[0]} rows ({name})"
            )
        return f"{name} is {list(have)} in the checkpoint and {list(want)} in the model"
    if tensor.dtype != wanted.dtype and not (tensor.dtype.is_floating and wanted.dtype.is_floating):
        return f"{name} is {tensor.dtype.name} in the checkpoint and {wanted.dtype.name} in the model"
    return None


def _complaint(
    origin: str, missing: list[str], unfit: list[str], unexpected: list[str], doubles: list[str]
) -> str:
    lists = (
        ("missing", missing, ", "),
        ("of another size", unfit, "; "),
        ("unexpected", unexpected, ", "),
        ("named twice", doubles, ", "),
    )
    found = "; ".join(f"{title}: {joint.join(_few(items))}" for title, items, joint in lists if items)
    parts = {PART_OF.get(name, "encoder") for name in missing}
    if not (unfit or unexpected or doubles or "encoder" in parts):
        remedy = f"give a checkpoint with a {' and a '.join(sorted(parts))}, or train one first"
    else:
        remedy = "give the checkpoint and the bert_config.json that belong together"
    return f"{origin}: does not fit the model: {found}; {remedy}."


def _few(items: list[str]) -> list[str]:
    """The first items, and how many more there are."""
    more = len(items) - _NAMED_AT_MOST
    return [*items[:_NAMED_AT_MOST], f"{more} more"] if more > 1 else items
