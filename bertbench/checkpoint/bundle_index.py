"""The index of a TensorFlow checkpoint, checked before TensorFlow is given the files.

An index is a sorted table of LevelDB (https://github.com/google/leveldb/blob/main/doc/table_format.md). The
key "" stores the header, and each tensor's name its entry (tensorflow/core/protobuf/tensor_bundle.proto).
TensorFlow verifies the checksums of blocks and tensors, but aborts at impossible shapes and sizes.
"""

import itertools
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto, BundleHeaderProto

from bertbench.errors import InputError

_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # the block's compression type and checksum
_UNCOMPRESSED = 0
_LONGEST_NAME = 4096  # bytes
_MOST_DIMENSIONS = 254  # tensorflow/core/framework/tensor_shape.h
_MOST_VALUES = 2**63
_MOST_SHARDS = 99_999
_SLICE = b"\0"  # first byte of a slice's key
_REFERENCE = 100  # larger numbers are reference types of TensorFlow 1's variables
_OF_ANY_SIZE = (tf.string, tf.resource, tf.variant)


@dataclass(frozen=True)
class IndexEntry:
    """The location of a tensor: the number of its data file, and the offset of its end."""

    shape: tuple[int, ...]
    dtype: tf.DType
    shard: int
    end: int


@dataclass(frozen=True)
class BundleIndex:
    """The contents of an index: the number of data files, and the entries by tensor name."""

    num_shards: int
    entries: dict[str, IndexEntry]


def read_bundle_index(path: Path) -> BundleIndex:
    """Read an index; no checksum is verified.

    Raises:
      InputError: it is truncated or damaged, describes an impossible tensor, or has a tensor saved in slices.
    """
    try:
        keys = list(_read_table(path.read_bytes()))
        if any(first >= second for (first, _), (second, _) in itertools.pairwise(keys)):
            raise ValueError("keys are not in order")
        values = dict(keys)
        num_shards = _read_header(values.pop(b""))
        protos = {
            key.decode(): BundleEntryProto.FromString(value)
            for key, value in values.items()
            if not key.startswith(_SLICE)
        }
        divided = [name for name, proto in protos.items() if proto.slices]
        entries = {
            name: _read_entry(proto, num_shards) for name, proto in protos.items() if name not in divided
        }
    except (ValueError, TypeError, KeyError, struct.error, DecodeError):
        raise InputError(f"{path}: truncated, damaged or not a checkpoint index; fetch it again.") from None
    if divided:
        raise InputError(f"{path}: {divided[0]} is saved in slices, which are not supported; save it whole.")
    return BundleIndex(num_shards, entries)


def _read_header(data: bytes) -> int:
    """The number of data files."""
    header = BundleHeaderProto.FromString(data)
    if header.endianness != BundleHeaderProto.LITTLE or not 1 <= header.num_shards <= _MOST_SHARDS:
        raise ValueError("invalid header")
    return int(header.num_shards)


def _read_entry(proto: BundleEntryProto, num_shards: int) -> IndexEntry:
    dtype = tf.as_dtype(proto.dtype)
    shape = tuple(dimension.size for dimension in proto.shape.dim)
    values = math.prod(max(size, 1) for size in shape)
    possible = len(shape) <= _MOST_DIMENSIONS and min(shape, default=0) >= 0 and values < _MOST_VALUES
    if proto.dtype >= _REFERENCE or proto.shape.unknown_rank or not possible:
        raise ValueError("invalid type or shape")
    if not 0 <= proto.shard_id < num_shards or proto.offset < 0 or proto.size < 0:
        raise ValueError("invalid location in a file")
    if dtype not in _OF_ANY_SIZE and proto.size != math.prod(shape) * dtype.size:
        raise ValueError("size does not match the shape")
    return IndexEntry(shape, dtype, proto.shard_id, proto.offset + proto.size)


def _read_table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of all blocks, in order."""
    footer = data[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or footer[-8:] != _MAGIC:
        raise ValueError("not a table")
    position = 0
    for _ in range(2):  # offset and size of the unused meta index block
        _, position = _read_number(footer, position)
    for _, handle in _read_block(data, footer[position:]):
        yield from _read_block(data, handle)


def _read_block(data: bytes, handle: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the block at a handle (its offset and size)."""
    offset, position = _read_number(handle, 0)
    size, _ = _read_number(handle, position)
    if size < 4 or offset + size + _TRAILER_BYTES > len(data) or data[offset + size] != _UNCOMPRESSED:
        raise ValueError("invalid block")
    block = data[offset : offset + size]
    (num_restarts,) = struct.unpack_from("<I", block, size - 4)
    end = size - 4 - 4 * num_restarts
    if end < 0:
        raise ValueError("invalid restart points")
    restarts = struct.unpack_from(f"<{num_restarts}I", block, end)
    key, whole_keys, position = b"", set(), 0
    while position < end:
        start = position
        shared, position = _read_number(block, position)
        unshared, position = _read_number(block, position)
        length, position = _read_number(block, position)
        value = position + unshared
        if shared > len(key) or shared + unshared > _LONGEST_NAME or value + length > end:
            raise ValueError("invalid entry")
        if not shared:
            whole_keys.add(start)
        key = key[:shared] + block[position:value]
        position = value + length
        yield key, block[value:position]
    if not whole_keys.issuperset(restarts):  # TensorFlow's search starts at these
        raise ValueError("a restart point is not a whole key")


def _read_number(data: bytes, position: int) -> tuple[int, int]:
    """A varint (groups of seven bits, the lowest first), and the position after it."""
    number = 0
    for shift in range(0, 64, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, position
    raise ValueError("invalid varint")
