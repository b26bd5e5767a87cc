"""The files of a checkpoint: their names, and a fingerprint of their contents.

A TensorFlow checkpoint is a prefix: `PREFIX.index`, a sorted table of names, shapes and checksums, and
`PREFIX.data-SSSSS-of-NNNNN`, the values (tensorflow/core/util/tensor_bundle). A safetensors file is a JSON
header and the values (https://huggingface.co/docs/safetensors). A large one is divided into shards, and
`model.safetensors.index.json` names the shard of each tensor
(https://huggingface.co/docs/transformers/big_models).
"""

import contextlib
import glob
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertbench.errors import InputError
from bertbench.file_identity import sha256_of_file
from bertbench.files import read_json
from bertbench.patterns import is_utf8

SAFETENSORS_SUFFIX = ".safetensors"
SHARD_INDEX_SUFFIX = ".safetensors.index.json"
FINGERPRINT_DIGITS = 16
_WILDCARDS = frozenset("*?[\\")  # tensorflow/core/platform/file_system_helper.cc


def checkpoint_files(path: Path) -> list[Path]:
    """Every file of a checkpoint from `find_checkpoint`, in order.

    Raises:
      InputError: a file is missing, or the index of the shards is malformed.
    """
    if is_sharded(path):
        return [path, *dict.fromkeys(read_shard_index(path).values())]
    return [path] if is_safetensors(path) else [index_file(path), *data_files(path)]


def fingerprint_files(files: list[Path]) -> str:
    """16 hexadecimal digits that identify the contents of a checkpoint, independent of file names.

    It is the SHA-256 of the SHA-256 digests of the checkpoint's files (index and data shards, in order), so
    it covers names, shapes, dtypes and values of all tensors, including those that are not loaded (optimizer
    slots, `global_step`). The same weights in another format have another fingerprint.

    Raises:
      InputError: a file is missing or unreadable.
    """
    digests = "".join(sha256_of_file(file) for file in files)
    return hashlib.sha256(digests.encode("ascii")).hexdigest()[:FINGERPRINT_DIGITS]


def is_safetensors(path: Path) -> bool:
    """Whether a path that `find_checkpoint` gave is one safetensors file."""
    return path.name.endswith(SAFETENSORS_SUFFIX)


def is_sharded(path: Path) -> bool:
    """Whether a path that `find_checkpoint` gave is the index of a sharded safetensors file."""
    return path.name.endswith(SHARD_INDEX_SUFFIX)


def read_shard_index(path: Path) -> dict[str, Path]:
    """The shard of each tensor, by the tensor's name in the file.

    Raises:
      InputError: the index is malformed, names a path outside its folder, or a shard is missing.
    """
    values: Any = read_json(path)
    places = values.get("weight_map") if isinstance(values, dict) else None
    if not isinstance(places, dict) or not places:
        raise InputError(f"{path}: contains no weight_map of tensors and their files; fetch it again.")
    for name, place in places.items():
        if not isinstance(place, str) or place in ("", ".", "..") or not _is_file_name(place):
            raise InputError(
                f"{path}: weight_map has {name} in {place!r}; it must be a file in the folder of the index."
            )
    missing = sorted({place for place in places.values() if not os.access(path.parent / place, os.R_OK)})
    if missing:
        raise InputError(
            f"{path}: shards missing or unreadable: {', '.join(missing)}; put all of them next to it."
        )
    return {name: path.parent / place for name, place in places.items()}


def _is_file_name(text: str) -> bool:
    return is_utf8(text) and not re.search(r"[/\\\0]", text)


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
        trouble = "are shards of different checkpoints" if counts else "missing"
        raise InputError(f"{prefix}.data-*: {trouble}; keep only the data files that belong to the .index.")
    count = counts.pop()
    files = [data_file(prefix, shard, count) for shard in range(count)]
    for file in files:
        if not os.access(file, os.R_OK):
            raise InputError(
                f"{file}: missing or unreadable; put all data files of the checkpoint next to its .index."
            )
    return files


@contextlib.contextmanager
def literal_prefix(prefix: Path) -> Iterator[str]:
    """The prefix as TensorFlow can read it: its readers take it for a glob pattern.

    If it contains a wildcard or is not UTF-8, links under a temporary prefix are used instead.
    """
    name = os.fspath(prefix)
    if is_utf8(name) and not _WILDCARDS.intersection(name):
        yield name
        return
    with tempfile.TemporaryDirectory() as folder:
        for file in prefix.parent.glob(f"{glob.escape(prefix.name)}.*"):
            Path(folder, f"checkpoint{file.name.removeprefix(prefix.name)}").symlink_to(file.resolve())
        yield os.path.join(folder, "checkpoint")
