"""Loads weights from the published checkpoint formats into variables, and saves them in Google's format."""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from bertbench.checkpoint.names import PART_OF
from bertbench.checkpoint.paths import data_file, index_file
from bertbench.checkpoint.plan import LoadPlan, StoredTensor, plan_loading
from bertbench.checkpoint.readers import CheckpointFile, open_checkpoint
from bertbench.console import notice
from bertbench.errors import InputError, tensorflow_reason
from bertbench.files import make_directory
from bertbench.temporary import temporary_folder

# Values read at a time: enough to keep TensorFlow's reading threads busy, little compared with a large model.
BATCH_BYTES = 128 * 2**20


@dataclass(frozen=True)
class LoadReport:
    """The result: `loaded` variables, `initial` ones that keep their value, ignored parts `left_aside`."""

    checkpoint: Path
    loaded: tuple[str, ...]
    initial: tuple[str, ...]
    left_aside: tuple[str, ...]


def load_weights(
    variables: Mapping[str, tf.Variable],
    checkpoint: Path | str | CheckpointFile,
    *,
    fresh: Collection[str] = (),
    replaced: Collection[str] = (),
    rows: Mapping[str, np.ndarray] | None = None,
) -> LoadReport:
    """Assign every variable its value from a checkpoint.

    Floats are cast to the variable's dtype, rounded to nearest even (float64 via float32 if the variable is
    bfloat16). Tensors are read in batches of about 128 MiB, so that only one batch is in memory in addition
    to the variables. One notice names the unused parts of the file, another the parts of the model that keep
    their initial value.

    Args:
      variables: by Google's names, without ':0'; float32 or bfloat16, or any dtype that the file has, too.
      checkpoint: an opened one, or anything that `find_checkpoint` accepts.
      fresh: variables of a head (or the pooler) that will be trained: if the file has none of that part, it
        keeps its initial value.
      replaced: variables that keep their initial value, whatever the file has for them.
      rows: for some variables, the row of the file for each of their rows; by default the same order.

    Raises:
      InputError: a variable has no tensor of its shape in the file, the file contains something unexpected
        (one message names all; no variable is touched), or a file is missing, truncated or damaged (some
        variables may have been assigned).
    """
    source = open_checkpoint(checkpoint) if isinstance(checkpoint, Path | str) else checkpoint
    wanted = {name: tf.TensorSpec(variable.shape, variable.dtype) for name, variable in variables.items()}
    plan = plan_loading(
        wanted, source.list_tensors(), origin=str(source.path), fresh=fresh, replaced=replaced
    )
    for batch in _batches(plan.sources):
        _assign(variables, batch, source, rows or {})
    _check_ties(plan, source)
    absent = [name for name in plan.initial if name not in replaced]
    if absent:
        parts = dict.fromkeys(PART_OF.get(name, "encoder") for name in absent)
        notice(f"{source.path}: contains no {' and no '.join(parts)}; starting with random weights.")
    if plan.left_aside:
        notice(f"{source.path}: ignored, not part of this model: {', '.join(plan.left_aside)}.")
    return LoadReport(source.path, tuple(plan.sources), plan.initial, plan.left_aside)


def save_weights(
    weights: Mapping[str, tf.Variable | tf.Tensor | np.ndarray], prefix: Path | str, *, global_step: int
) -> None:
    """Write a Google-format checkpoint: `PREFIX.index` and `PREFIX.data-00000-of-00001`.

    Floats are stored as float32, other dtypes unchanged, and `global_step` as an int64 scalar. Both files are
    written in a temporary folder next to the prefix, synced, and renamed, the index last. Without its index a
    checkpoint does not exist, so the prefix is complete or absent. An older checkpoint of the same prefix is
    removed only when the new one is complete on the disk.

    Raises:
      InputError: the checkpoint cannot be written (a full disk, for one); other checkpoints are untouched.
    """
    prefix = Path(prefix)
    make_directory(prefix.parent)
    try:
        with temporary_folder(prefix) as working:
            _write_bundle({**weights, "global_step": np.int64(global_step)}, working / prefix.name)
            _publish(working, prefix)
    except (OSError, tf.errors.OpError) as error:
        raise InputError(
            f"{prefix}: the checkpoint cannot be written ({_reason(error)}); free some space or choose "
            "another place. Earlier checkpoints are intact."
        ) from None


def _batches(sources: Mapping[str, StoredTensor]) -> Iterator[list[tuple[str, StoredTensor]]]:
    batch: list[tuple[str, StoredTensor]] = []
    size = 0
    for name, tensor in sources.items():
        if batch and size + tensor.byte_count > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append((name, tensor))
        size += tensor.byte_count
    if batch:
        yield batch


def _assign(
    variables: Mapping[str, tf.Variable],
    batch: list[tuple[str, StoredTensor]],
    source: CheckpointFile,
    rows: Mapping[str, np.ndarray],
) -> None:
    values = source.read([tensor for _, tensor in batch])
    for (name, tensor), value in zip(batch, values, strict=True):
        variable = variables[name]
        value = tf.cast(value, variable.dtype)
        value = tf.transpose(value) if tensor.transposed else value
        variable.assign(tf.gather(value, rows[name]) if name in rows else value)


def _check_ties(plan: LoadPlan, source: CheckpointFile) -> None:
    for tied, first in plan.ties:
        one, other = source.read([tied, first])
        if one.shape != other.shape or not tf.reduce_all(one == other):
            raise InputError(
                f"{source.path}: {tied.name} differs from {first.name}; "
                "BERT uses the same matrix for both; give a checkpoint with tied weights."
            )


def _write_bundle(weights: Mapping[str, tf.Variable | tf.Tensor | np.ndarray], prefix: Path) -> None:
    values = [tf.convert_to_tensor(value) for value in weights.values()]
    tf.raw_ops.SaveV2(
        prefix=os.fspath(prefix),
        tensor_names=list(weights),
        shape_and_slices=[""] * len(values),
        tensors=[tf.cast(value, tf.float32) if value.dtype.is_floating else value for value in values],
    )


def _publish(working: Path, prefix: Path) -> None:
    index, data = index_file(prefix), data_file(prefix, 0, 1)
    for file in (data, index):
        _sync(working / file.name)
    index.unlink(missing_ok=True)  # an old index must not be read with the new data
    for file in (data, index):
        (working / file.name).replace(file)
    _sync(prefix.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: OSError | tf.errors.OpError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else tensorflow_reason(error.message)
