"""Finds a checkpoint in a folder, or at a path given by the user."""

import ast
import re
from pathlib import Path

from bertbench.checkpoint.foreign_formats import describe_foreign
from bertbench.checkpoint.paths import (
    SAFETENSORS_SUFFIX,
    SHARD_INDEX_SUFFIX,
    checkpoint_files,
    fingerprint_files,
    index_file,
    is_safetensors,
    is_sharded,
)
from bertbench.errors import InputError

_TENSORFLOW_FILE = re.compile(r"(.+)\.(index|meta|data-\d{5}-of-\d{5})")
# An entry of the state file: a field of `CheckpointState` and its value, in protobuf's text format.
_STATE_ENTRY = re.compile(
    rb"\s*(?:(model_checkpoint_path|all_model_checkpoint_paths)\s*:\s*"
    rb"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    rb"|(?:all_model_checkpoint_timestamps|last_preserved_timestamp)\s*:\s*[-+.\w]+)"
)
_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}\.safetensors")


def find_checkpoint(place: Path | str) -> Path:
    """The checkpoint at `place`: a TensorFlow prefix, a safetensors file, or the index of its shards.

    `place` is a folder, a prefix, any file of a checkpoint, or its `.meta`. In a folder the first of these
    is used: the checkpoint named by TensorFlow's state file `checkpoint`; the `*.ckpt*` prefix, the newest
    one if several differ only in their step (`model.ckpt-20` after `model.ckpt-3`); `model.safetensors`;
    `model.safetensors.index.json`.

    Raises:
      InputError: there is no readable checkpoint (the message says what exists instead), or several ones are
        possible.
    """
    place = Path(place)
    if place.is_dir():
        return _find_in_folder(place)
    if (shard := _SHARD.fullmatch(place.name)) is not None:
        return _require_index(place, place.with_name(f"{shard[1]}{SHARD_INDEX_SUFFIX}"))
    if (is_safetensors(place) or is_sharded(place)) and place.is_file():
        return place
    file = _TENSORFLOW_FILE.fullmatch(place.name)
    prefix = place.with_name(file[1]) if file else place
    if index_file(prefix).is_file():
        return prefix
    if place.is_file() and (foreign := describe_foreign(place)):
        raise InputError(f"{place}: {foreign}")
    raise InputError(
        f"{place}: no checkpoint found; give a model folder, the prefix before '.index', "
        f"or a {SAFETENSORS_SUFFIX} file."
    )


def checkpoint_fingerprint(place: Path | str) -> str:
    """The fingerprint (see `fingerprint_files`) of the checkpoint that `find_checkpoint` finds.

    Raises:
      InputError: there is no checkpoint, or a file of it is missing or unreadable.
    """
    return fingerprint_files(checkpoint_files(find_checkpoint(place)))


def _require_index(shard: Path, index: Path) -> Path:
    if not index.is_file():
        raise InputError(f"{shard}: is one of several shards; put {index.name} and all shards next to it.")
    return index


def _find_in_folder(folder: Path) -> Path:
    if (folder / "checkpoint").is_file():
        return _read_state_file(folder)
    prefixes = [Path(str(index).removesuffix(".index")) for index in folder.glob("*.ckpt*.index")]
    if prefixes:
        return _newest(folder, prefixes)
    for name in (f"model{SAFETENSORS_SUFFIX}", f"model{SHARD_INDEX_SUFFIX}"):
        if (folder / name).is_file():
            return folder / name
    # PyTorch's before others: it is the easiest to save again.
    for file in sorted(folder.iterdir(), key=lambda file: (file.suffix != ".bin", file.name)):
        if file.is_file() and (foreign := describe_foreign(file)):
            raise InputError(f"{folder}: contains no checkpoint that can be read: {file.name} {foreign}")
    raise InputError(
        f"{folder}: contains no checkpoint (*.ckpt*.index with its data files, or "
        f"model{SAFETENSORS_SUFFIX}); "
        "give another folder or --init-checkpoint."
    )


def _read_state_file(folder: Path) -> Path:
    """The prefix named by a folder's `checkpoint` file: in this folder (if it was moved), or as named."""
    named = _parse_state((folder / "checkpoint").read_bytes())
    if named is not None:
        for prefix in (folder / named.name, folder / named):
            if index_file(prefix).is_file():
                return prefix
    raise InputError(
        f"{folder / 'checkpoint'}: does not name an existing checkpoint{f' ({named})' if named else ''}; "
        "remove that file or give --init-checkpoint."
    )


def _parse_state(content: bytes) -> Path | None:
    """The path in a `CheckpointState` (tensorflow/python/training/checkpoint_state.proto) in protobuf's text
    format, None if the content is not one.

    TensorFlow's own reader is not used: a model's files are found before TensorFlow starts.
    """
    content, position, named = content.rstrip(), 0, []
    while position < len(content):
        entry = _STATE_ENTRY.match(content, position)
        if entry is None:
            return None
        position = entry.end()
        if entry[2] is not None:
            path = _parse_string(entry[2])
            if path is None:
                return None
            named += [path] if entry[1] == b"model_checkpoint_path" else []
    return Path(named[0]) if len(named) == 1 else None


def _parse_string(literal: bytes) -> str | None:
    """A string of protobuf's text format, whose escapes are Python's; None if it is invalid."""
    try:
        return ast.literal_eval(literal.decode("latin-1")).encode("latin-1").decode("utf-8")
    except (ValueError, SyntaxError):
        return None


def _newest(folder: Path, prefixes: list[Path]) -> Path:
    steps = {prefix: re.fullmatch(r"(.*)-(\d+)", prefix.name) for prefix in prefixes}
    families = {(match[1], True) if match else (prefix.name, False) for prefix, match in steps.items()}
    if len(families) > 1:
        names = ", ".join(sorted(prefix.name for prefix in prefixes))
        raise InputError(
            f"{folder}: contains several checkpoints ({names}); choose one with --init-checkpoint."
        )
    return max(prefixes, key=lambda prefix: int(match[2]) if (match := steps[prefix]) else 0)
