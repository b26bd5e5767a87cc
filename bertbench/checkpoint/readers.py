"""Reads the tensors of a checkpoint, in any supported format."""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import tensorflow as tf
from safetensors import SafetensorError, safe_open

from bertbench.checkpoint.bundle_index import read_bundle_index
from bertbench.checkpoint.finding import find_checkpoint
from bertbench.checkpoint.names import read_google_name, read_hugging_face_name
from bertbench.checkpoint.paths import (
    data_files,
    index_file,
    is_safetensors,
    is_sharded,
    literal_prefix,
    read_shard_index,
)
from bertbench.checkpoint.plan import StoredTensor
from bertbench.errors import InputError
from bertbench.files import require_plain_file

# What TensorFlow's checkpoint reader raises for a malformed file.
_READER_ERRORS = (tf.errors.OpError, IndexError, ValueError, RuntimeError)
# What `tf.train.Checkpoint` adds to the tensors (tensorflow/python/trackable/base.py).
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_FETCH = "fetch all files of the model again"
_SAFETENSORS_DTYPES = {
    "F64": tf.float64,
    "F32": tf.float32,
    "F16": tf.float16,
    "BF16": tf.bfloat16,
    "I64": tf.int64,
    "I32": tf.int32,
    "BOOL": tf.bool,
}


class CheckpointFile(Protocol):
    """A checkpoint whose tensors can be listed and read."""

    path: Path

    def list_tensors(self) -> list[StoredTensor]:
        """Every tensor, in the order of the file; reads no values."""

    def read(self, tensors: Sequence[StoredTensor]) -> list[tf.Tensor]:
        """The values of some tensors, in the file's shapes and dtypes.

        Raises:
          InputError: a file is missing, truncated or damaged.
        """


def open_checkpoint(place: Path | str) -> CheckpointFile:
    """Open the checkpoint that `find_checkpoint` finds.

    Raises:
      InputError: there is none, or its list of tensors is damaged.
    """
    path = find_checkpoint(place)
    if is_sharded(path):
        return ShardedSafetensors(path)
    return SafetensorsFile(path) if is_safetensors(path) else TensorFlowCheckpoint(path)


def read_global_step(source: CheckpointFile) -> int:
    """The step at which a checkpoint was saved; 0 if it has none.

    Raises:
      InputError: as `CheckpointFile.read`.
    """
    steps = [
        tensor
        for tensor in source.list_tensors()
        if tensor.name == "global_step" and tensor.shape == () and tensor.dtype.is_integer
    ]
    return int(source.read(steps)[0]) if steps else 0


class TensorFlowCheckpoint:
    """A Google-format checkpoint: tensors by name in TensorFlow's bundle files."""

    def __init__(self, prefix: Path) -> None:
        self.path = prefix
        require_plain_file(index_file(prefix))
        self._index = read_bundle_index(index_file(prefix))
        try:
            with literal_prefix(prefix) as literal:
                tf.train.load_checkpoint(literal)  # verifies the index's checksums
        except _READER_ERRORS:
            raise InputError(f"{index_file(prefix)}: damaged; fetch it again.") from None
        if _OBJECT_GRAPH in self._index.entries:
            raise InputError(
                f"{index_file(prefix)}: an object-based checkpoint of TensorFlow 2, whose names are those of "
                "its program; save the weights under Google's names, or as Hugging Face's model.safetensors."
            )

    def list_tensors(self) -> list[StoredTensor]:
        """See `CheckpointFile`; needs only the index."""
        return [
            StoredTensor(name, entry.shape, entry.dtype, read_google_name(name))
            for name, entry in self._index.entries.items()
        ]

    def read(self, tensors: Sequence[StoredTensor]) -> list[tf.Tensor]:
        """See `CheckpointFile`; TensorFlow verifies the checksum of each tensor."""
        data = self._data
        try:
            with literal_prefix(self.path) as literal:
                return tf.raw_ops.RestoreV2(
                    prefix=literal,
                    tensor_names=[tensor.name for tensor in tensors],
                    shape_and_slices=[""] * len(tensors),
                    dtypes=[tensor.dtype for tensor in tensors],
                )
        except tf.errors.OpError:
            raise InputError(
                f"{data}: damaged (the values do not match the checksums in the .index); fetch it again."
            ) from None

    @functools.cached_property
    def _data(self) -> str:
        """The names of the data files, checked to exist and to have the size that the index needs."""
        files = data_files(self.path)
        needed = self._index.num_shards
        if len(files) != needed:
            raise InputError(f"{self.path}.data-*: {len(files)} files, the .index needs {needed}; {_FETCH}.")
        for shard, file in enumerate(files):
            require_plain_file(file)
            have = file.stat().st_size
            need = max((e.end for e in self._index.entries.values() if e.shard == shard), default=0)
            if have < need:
                raise InputError(
                    f"{file}: truncated ({have:,} bytes, the .index needs {need:,}); fetch it again."
                )
        return ", ".join(map(str, files))


class SafetensorsFile:
    """A safetensors file with Hugging Face's names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        require_plain_file(path)
        with self._open() as file:
            pieces = [(name, file.get_slice(name)) for name in file.offset_keys()]
            self._tensors = [
                self._describe(name, piece.get_dtype(), piece.get_shape()) for name, piece in pieces
            ]

    def list_tensors(self) -> list[StoredTensor]:
        """See `CheckpointFile`."""
        return self._tensors

    def read(self, tensors: Sequence[StoredTensor]) -> list[tf.Tensor]:
        """See `CheckpointFile`."""
        with self._open() as file:
            return [tf.constant(file.get_tensor(tensor.name)) for tensor in tensors]

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        # pread, because mapped pages would count as a second copy of the whole file.
        try:
            with safe_open(self.path, framework="np", backend="pread") as file:
                yield file
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"{self.path}: truncated, damaged or not a safetensors file ({error}); fetch it again."
            ) from None

    def _describe(self, name: str, dtype: str, shape: list[int]) -> StoredTensor:
        if dtype not in _SAFETENSORS_DTYPES:
            known = ", ".join(_SAFETENSORS_DTYPES)
            raise InputError(f"{self.path}: {name} has dtype {dtype}; only {known} are read.")
        variable, transposed = read_hugging_face_name(name)
        return StoredTensor(name, tuple(shape), _SAFETENSORS_DTYPES[dtype], variable, transposed)


class ShardedSafetensors:
    """Safetensors files that share the tensors of one model, by an index."""

    def __init__(self, index: Path) -> None:
        """Open every shard.

        Raises:
          InputError: a shard is missing or damaged, or index and shards disagree on what is where.
        """
        self.path = index
        self._places = read_shard_index(index)
        self._shards = {path: SafetensorsFile(path) for path in dict.fromkeys(self._places.values())}
        held = {path: {tensor.name for tensor in file.list_tensors()} for path, file in self._shards.items()}
        for name, path in self._places.items():
            if name not in held[path]:
                raise InputError(
                    f"{path}: does not contain {name}, which {index.name} places there; {_FETCH}."
                )
        for path, names in held.items():
            for name in sorted(names):
                if self._places.get(name) != path:
                    raise InputError(
                        f"{path}: contains {name}, which {index.name} does not place there; {_FETCH}."
                    )

    def list_tensors(self) -> list[StoredTensor]:
        """See `CheckpointFile`; shard by shard."""
        return [tensor for shard in self._shards.values() for tensor in shard.list_tensors()]

    def read(self, tensors: Sequence[StoredTensor]) -> list[tf.Tensor]:
        """See `CheckpointFile`."""
        return [
            value for tensor in tensors for value in self._shards[self._places[tensor.name]].read([tensor])
        ]
