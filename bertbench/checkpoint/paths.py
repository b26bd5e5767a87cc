"""Where a checkpoint is: finding it, naming its files, telling its content from another's.

A TensorFlow checkpoint is a prefix: `PREFIX.index`, a sorted table of names, shapes and checksums, and
`PREFIX.data-SSSSS-of-NNNNN`, the values (tensorflow/core/util/tensor_bundle). A safetensors file is a JSON
header and the values (https://huggingface.co/docs/safetensors).
"""

import glob
import hashlib
import os
import re
from pathlib import Path

import tensorflow as tf

from bertbench.errors import InputError
from bertbench.files import sha256_of_file

SAFETENSORS_SUFFIX = ".safetensors"
FINGERPRINT_DIGITS = 16


def find_checkpoint(place: Path | str) -> Path:
    """The checkpoint at `place`: a TensorFlow prefix, or a safetensors file.

    `place` is a folder, a prefix, a prefix with `.index`, or a `.safetensors` file. In a folder the first of
    these counts: what TensorFlow's state file `checkpoint` names; the `*.ckpt*` prefix, the newest where
    several differ only in their step (`model.ckpt-20` after `model.ckpt-3`); `model.safetensors`.

    Raises:
      InputError: there is no checkpoint, or it is not clear which of several is meant.
    """
    place = Path(place)
    if place.is_dir():
        return _find_in_folder(place)
    if is_safetensors(place) and place.is_file():
        return place
    prefix = Path(str(place).removesuffix(".index"))
    if index_file(prefix).is_file():
        return prefix
    raise InputError(
        f"{place}: no checkpoint is there; give a model folder, the prefix before '.index', "
        f"or a {SAFETENSORS_SUFFIX} file."
    )


def checkpoint_fingerprint(place: Path | str) -> str:
    """16 hexadecimal digits that tell one checkpoint's content from another's, whatever its files are called.

    It is SHA-256 over the SHA-256 of every byte of the checkpoint's files (index and data shards, in order),
    so it covers names, shapes, dtypes and values of all tensors, also those that no model loads (optimizer
    slots, `global_step`). The same weights in another format have another fingerprint.

    Raises:
      InputError: there is no checkpoint, or a file of it is missing or unreadable.
    """
    path = find_checkpoint(place)
    files = [path] if is_safetensors(path) else [index_file(path), *data_files(path)]
    digests = "".join(sha256_of_file(file) for file in files)
    return hashlib.sha256(digests.encode("ascii")).hexdigest()[:FINGERPRINT_DIGITS]


def is_safetensors(path: Path) -> bool:
    """Whether a path that `find_checkpoint` gave is a safetensors file, not a TensorFlow prefix."""
    return path.suffix == SAFETENSORS_SUFFIX


def index_file(prefix: Path) -> Path:
    """The index of a TensorFlow checkpoint."""
    return prefix.with_name(f"{prefix.name}.index")


def data_file(prefix: Path, shard: int, count: int) -> Path:
    """One of the `count` data files of a TensorFlow checkpoint."""
    return prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{count:05d}")


def data_files(prefix: Path) -> list[Path]:
    """The data files of a TensorFlow checkpoint, in order.

    Raises:
      InputError: one is missing, or there are files of two differently sharded checkpoints.
    """
    pattern = re.compile(re.escape(prefix.name) + r"\.data-\d{5}-of-(\d{5})")
    names = [path.name for path in prefix.parent.glob(glob.escape(prefix.name) + ".data-*")]
    counts = {int(match[1]) for name in names if (match := pattern.fullmatch(name))}
    if len(counts) != 1:
        trouble = "hold shards of different checkpoints" if counts else "missing"
        raise InputError(f"{prefix}.data-*: {trouble}; keep the data files of one checkpoint by its .index.")
    count = counts.pop()
    files = [data_file(prefix, shard, count) for shard in range(count)]
    for file in files:
        if not os.access(file, os.R_OK):
            raise InputError(
                f"{file}: missing or unreadable; put all data files of the checkpoint by its .index."
            )
    return files


def _find_in_folder(folder: Path) -> Path:
    if (folder / "checkpoint").is_file():
        return _read_state_file(folder)
    prefixes = [Path(str(index).removesuffix(".index")) for index in folder.glob("*.ckpt*.index")]
    if prefixes:
        return _newest(folder, prefixes)
    safetensors = folder / f"model{SAFETENSORS_SUFFIX}"
    if safetensors.is_file():
        return safetensors
    raise InputError(
        f"{folder}: holds no checkpoint (*.ckpt*.index with its data files, or model{SAFETENSORS_SUFFIX}); "
        "give another folder or --init-checkpoint."
    )


def _read_state_file(folder: Path) -> Path:
    """The prefix that a folder's `checkpoint` file names: in this folder (it may have moved), or there."""
    try:
        state = tf.train.get_checkpoint_state(os.fspath(folder))
    except (ValueError, tf.errors.OpError):
        state = None
    named = Path(state.model_checkpoint_path) if state else None
    if named is not None:
        for prefix in (folder / named.name, named):
            if index_file(prefix).is_file():
                return prefix
    raise InputError(
        f"{folder / 'checkpoint'}: names no checkpoint that is there{f' ({named})' if named else ''}; "
        "remove that file or give --init-checkpoint."
    )


def _newest(folder: Path, prefixes: list[Path]) -> Path:
    steps = {prefix: re.fullmatch(r"(.*)-(\d+)", prefix.name) for prefix in prefixes}
    families = {(match[1], True) if match else (prefix.name, False) for prefix, match in steps.items()}
    if len(families) > 1:
        names = ", ".join(sorted(prefix.name for prefix in prefixes))
        raise InputError(f"{folder}: holds several checkpoints ({names}); choose one with --init-checkpoint.")
    return max(prefixes, key=lambda prefix: int(match[2]) if (match := steps[prefix]) else 0)
