"""Indexes of TensorFlow checkpoints that no writer makes are refused before TensorFlow reads them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto, BundleHeaderProto

from bertbench.checkpoint.bundle_index import read_bundle_index
from bertbench.checkpoint.loading import load_weights
from bertbench.errors import InputError
from suites.unit.checkpoint.checkpoint_cases import (
    assert_holds,
    random_weights,
    weight_shapes,
    write_google,
    zero_variables,
)
from tools.mutants.binary import entries_of, make_table

pytestmark = pytest.mark.unit

SHAPES = weight_shapes()
WEIGHTS = random_weights(SHAPES)
NAME = b"bert/embeddings/LayerNorm/beta"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """The index of a whole checkpoint."""
    write_google(WEIGHTS, tmp_path / "bert_model.ckpt")
    return tmp_path / "bert_model.ckpt.index"


def rewrite(index: Path, change: Callable[[dict[bytes, bytes]], object]) -> None:
    """Change entries of an index; its checksums are right."""
    entries = dict(entries_of(index.read_bytes()))
    change(entries)
    index.write_bytes(make_table(entries))


def with_entry(index: Path, change: Callable[[BundleEntryProto], object]) -> None:
    def apply(entries: dict[bytes, bytes]) -> None:
        entry = BundleEntryProto.FromString(entries[NAME])
        change(entry)
        entries[NAME] = entry.SerializeToString()

    rewrite(index, apply)


def test_index_entries_equal_those_read_by_tensorflow(index: Path) -> None:
    found = read_bundle_index(index)
    reader = tf.train.load_checkpoint(str(index.with_suffix("")))
    shapes = {name: list(entry.shape) for name, entry in found.entries.items()}
    assert shapes == reader.get_variable_to_shape_map()
    assert {name: e.dtype for name, e in found.entries.items()} == reader.get_variable_to_dtype_map()
    data = index.with_name("bert_model.ckpt.data-00000-of-00001").stat().st_size
    assert (found.num_shards, max(entry.end for entry in found.entries.values())) == (1, data)


def test_table_with_one_block_is_read(index: Path) -> None:
    rewrite(index, lambda entries: None)
    variables = zero_variables(SHAPES)
    load_weights(variables, index.parent)
    assert_holds(variables, WEIGHTS)


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: setattr(entry.shape.dim[0], "size", -1),
        lambda entry: setattr(entry.shape.dim[0], "size", 2**62),
        lambda entry: entry.shape.dim.add(size=2**62),
        lambda entry: [entry.shape.dim.add(size=1) for _ in range(300)],
        lambda entry: [entry.shape.dim.add(size=size) for size in (0, 2**62, 2**62)],
        lambda entry: setattr(entry.shape, "unknown_rank", True),
        lambda entry: setattr(entry, "dtype", 999),
        lambda entry: setattr(entry, "dtype", types_pb2.DT_INVALID),
        lambda entry: setattr(entry, "dtype", types_pb2.DT_FLOAT_REF),
        lambda entry: setattr(entry, "dtype", types_pb2.DT_DOUBLE),
        lambda entry: setattr(entry, "size", 2**62),
        lambda entry: setattr(entry, "size", -1),
        lambda entry: setattr(entry, "offset", -1),
        lambda entry: setattr(entry, "shard_id", 7),
        lambda entry: setattr(entry, "shard_id", -1),
    ],
)
def test_invalid_tensor_entry_is_rejected(index: Path, change: Callable[[BundleEntryProto], object]) -> None:
    with_entry(index, change)
    with pytest.raises(
        InputError, match=r"bert_model\.ckpt\.index: truncated, damaged or not a checkpoint index"
    ):
        load_weights(zero_variables(SHAPES), index.parent)


def test_offset_beyond_end_of_data_is_rejected(index: Path) -> None:
    with_entry(index, lambda entry: setattr(entry, "offset", 2**40))
    with pytest.raises(InputError, match=r"data-00000-of-00001: truncated \(.* bytes, the \.index needs 1,0"):
        load_weights(zero_variables(SHAPES), index.parent)


def test_partitioned_variables_are_reported(index: Path) -> None:
    with_entry(index, lambda entry: entry.slices.add().extent.add(start=0, length=1))
    with pytest.raises(InputError, match=f"index: {NAME.decode()} is saved in slices"):
        load_weights(zero_variables(SHAPES), index.parent)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (BundleHeaderProto(num_shards=0), "index: truncated, damaged or not a checkpoint index"),
        (BundleHeaderProto(num_shards=-1), "index: truncated, damaged or not a checkpoint index"),
        (
            BundleHeaderProto(num_shards=1, endianness=1),
            "index: truncated, damaged or not a checkpoint index",
        ),
        (BundleHeaderProto(num_shards=3), r"data-\*: 1 files, the .index needs 3; fetch all files of the"),
    ],
)
def test_inconsistent_header_is_rejected(index: Path, header: BundleHeaderProto, message: str) -> None:
    rewrite(index, lambda entries: entries.update({b"": header.SerializeToString()}))
    with pytest.raises(InputError, match=message):
        load_weights(zero_variables(SHAPES), index.parent)


@pytest.mark.parametrize("key", [b"\xff\xfe", b"x" * 5000])
def test_invalid_tensor_name_is_rejected(index: Path, key: bytes) -> None:
    rewrite(index, lambda entries: entries.update({key: entries[NAME]}))
    with pytest.raises(InputError, match="index: truncated, damaged or not a checkpoint index"):
        load_weights(zero_variables(SHAPES), index.parent)
