"""Pretraining TFRecords: the original's files are read unchanged, damaged ones are reported."""

import math
import mmap
import resource
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest

from bertbench.data.pretraining import MaskedExample
from bertbench.data.tfrecord_format import RecordShape, serialize_example
from bertbench.data.tfrecords import iter_features, read_features, record_shape, write_records
from bertbench.errors import InputError
from tools.mutants.binary import frame

pytestmark = pytest.mark.unit

S, P = 8, 3


def padded(length=6, label=0, first=100):
    """One example's features as the original writes them: [CLS] a .. [SEP] b [SEP] and two predictions."""
    return {
        "input_ids": [2, first, 4, 3, 9, 3, 7, 7][:length] + [0] * (S - length),
        "input_mask": [1] * length + [0] * (S - length),
        "segment_ids": [0, 0, 0, 0, 1, 1, 1, 1][:length] + [0] * (S - length),
        "masked_lm_positions": [2, 4, 0],
        "masked_lm_ids": [11, 9, 0],
        "masked_lm_weights": [1.0, 1.0, 0.0],
        "next_sentence_labels": [label],
    }


def serialize(values):
    """A `tf.train.Example`, made as TensorFlow's own guide does."""
    import tensorflow as tf

    def feature(numbers):
        if numbers and isinstance(numbers[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=numbers))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=numbers))

    features = {name: feature(numbers) for name, numbers in values.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path, examples):
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path)) as writer:
        for values in examples:
            writer.write(serialize(values))
    return path


@pytest.fixture
def two_files(tmp_path):
    """Seven examples in two files; example i has i as its second token."""
    examples = [padded(6 + i % 3, i % 2, first=i) for i in range(7)]
    return [write(tmp_path / "a.tfrecord", examples[:3]), write(tmp_path / "b.tfrecord", examples[3:])]


def test_records_of_original_script_are_read_without_padding(two_files):
    features = read_features(two_files, max_seq_length=S, max_predictions_per_seq=P)
    assert features.lengths.tolist() == [6, 7, 8, 6, 7, 8, 6]
    assert features.input_ids[features.row_splits[:-1] + 1].tolist() == list(range(7))
    assert features.input_ids[6:13].tolist() == [2, 1, 4, 3, 9, 3, 7]
    assert features.segment_ids[6:13].tolist() == [0, 0, 0, 0, 1, 1, 1]
    labels = features.labels
    assert labels["masked_lm_positions"].tolist() == [[2, 4, 0]] * 7
    assert labels["masked_lm_ids"].tolist() == [[11, 9, 0]] * 7
    assert labels["masked_lm_weights"].tolist() == [[1, 1, 0]] * 7
    assert labels["next_sentence_labels"].tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert {name: array.dtype for name, array in labels.items()} == {
        "masked_lm_positions": np.int32,
        "masked_lm_ids": np.int32,
        "masked_lm_weights": np.float32,
        "next_sentence_labels": np.int32,
    }
    assert (features.input_ids.dtype, features.row_splits.dtype) == (np.int32, np.int64)


@pytest.mark.parametrize("chunk_examples", [1, 2, 3, 5, 7, 100])
def test_chunks_contain_all_examples_in_order(two_files, chunk_examples):
    chunks = list(iter_features(two_files, chunk_examples))
    assert [len(chunk) for chunk in chunks[:-1]] == [chunk_examples] * (len(chunks) - 1)
    second_tokens = [int(token) for chunk in chunks for token in chunk.input_ids[chunk.row_splits[:-1] + 1]]
    assert second_tokens == list(range(7))


def test_record_shape_is_read_from_files(two_files):
    assert record_shape(two_files) == RecordShape(S, P)


def test_written_records_are_parsed_by_tensorflow(tmp_path):
    import tensorflow as tf

    example = MaskedExample([2, 100, 4, 3, 9, 3], [0, 0, 0, 0, 1, 1], [2, 4], [11, 9], True)
    write_records(tmp_path / "x.tfrecord", [serialize_example(example, RecordShape(S, P))] * 2)
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(tmp_path / "x.tfrecord"))]
    assert len(records) == 2
    features = tf.train.Example.FromString(records[0]).features.feature
    written = {
        name: list(feature.float_list.value or feature.int64_list.value) for name, feature in features.items()
    }
    assert written == padded(6, 1)


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="no /dev/full, the disk without room, on this system"
)
def test_full_disk_is_reported():
    with pytest.raises(InputError, match=r"/dev/full: cannot be written \(No space left on device\)"):
        write_records(Path("/dev/full"), [b"data"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_mask": None}, r"record 1: lacks input_mask"),
        ({"label_ids": [1]}, r"record 1: has label_ids"),
        ({"masked_lm_weights": [1, 1, 0]}, r"record 1: masked_lm_weights is not a float_list"),
        ({"segment_ids": [0] * 7}, r"record 1: lengths differ: input_ids 8, input_mask 8, segment_ids 7"),
        ({"masked_lm_ids": [1, 2]}, r"record 1: lengths differ: masked_lm_positions 3, masked_lm_ids 2"),
        ({"next_sentence_labels": [0, 1]}, r"record 1: next_sentence_labels has 2 values"),
        ({"next_sentence_labels": [2]}, r"record 1: next_sentence_labels is 2"),
        ({"input_mask": [1, 1, 1, 0, 1, 1, 0, 0]}, r"record 1: input_mask is not ones, then zeros"),
        ({"input_mask": [0] * 8}, r"record 1: input_mask is not ones, then zeros"),
        ({"input_mask": [2**36] * 8}, r"record 1: input_mask is not ones, then zeros"),
        ({"input_mask": [-1, 2**62, 0, 0, 0, 0, 0, 0]}, r"record 1: input_mask is not ones, then zeros"),
        ({"masked_lm_positions": [2, 6, 0]}, r"record 1: a masked position is outside its 6 tokens"),
        ({"masked_lm_positions": [2, 3, 2**63 - 1]}, r"record 1: a masked position is outside its 6 tokens"),
        ({"masked_lm_positions": [2, 3, 8]}, r"record 1: a masked position is outside its 6 tokens"),
        ({"masked_lm_weights": [1.0, 0.5, 0.0]}, r"record 1: masked_lm_weights are not all 1 or 0"),
        ({"masked_lm_weights": [1.0, math.nan, 0.0]}, r"record 1: masked_lm_weights are not all 1 or 0"),
        (
            {"input_ids": [2, -1, 4, 3, 9, 3, 0, 0]},
            r"record 1: input_ids contains -1, which is not a valid id",
        ),
        (
            {"masked_lm_ids": [11, 2**32 + 9, 0]},
            r"record 1: masked_lm_ids contains 4294967305, which is not a valid id",
        ),
    ],
)
@pytest.mark.parametrize("place", [0, 2])
def test_record_with_wrong_features_is_reported(tmp_path, change, message, place):
    examples = [padded() for _ in range(4)]
    examples[place] = {k: v for k, v in {**examples[place], **change}.items() if v is not None}
    path = write(tmp_path / "x.tfrecord", examples)
    if place and "label_ids" in change:
        assert len(read_features([path])) == 4  # a feature too many is looked for in first records only
        return
    with pytest.raises(InputError, match="x.tfrecord: " + message.replace("record 1", f"record {place + 1}")):
        read_features([path])


def test_files_with_different_record_lengths_are_reported(tmp_path):
    longer = {name: values + [0] * 2 if len(values) == S else values for name, values in padded().items()}
    paths = [write(tmp_path / "a.tfrecord", [padded()]), write(tmp_path / "b.tfrecord", [longer])]
    with pytest.raises(
        InputError, match=r"b.tfrecord: contains 10 tokens and 3 predictions, but .*a.tfrecord 8 tokens"
    ):
        iter_features(paths)
    mixed = write(tmp_path / "c.tfrecord", [padded(), longer])
    with pytest.raises(InputError, match=r"c.tfrecord: record 2: contains 10 tokens"):
        read_features([mixed])


def test_requested_lengths_that_differ_from_file_are_rejected(two_files):
    with pytest.raises(
        InputError, match=r"contains 8 tokens and 3 predictions, but max_predictions_per_seq is 4"
    ):
        iter_features(two_files, max_predictions_per_seq=4)
    with pytest.raises(InputError, match=r"but max_seq_length is 128"):
        read_features(two_files, max_seq_length=128)


@pytest.mark.parametrize(
    ("record", "kept"),
    [(0, 5), (1, 5), (1, 12), (1, 40), (3, -1)],
    ids=["first header", "header", "before data", "data", "last byte"],
)
def test_truncated_file_is_reported(two_files, record, kept):
    data = two_files[1].read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    start = record * (length + 16)
    two_files[1].write_bytes(data[: start + (kept if kept > 0 else length + 15)])
    with pytest.raises(InputError, match=rf"b.tfrecord: record {record + 1}: truncated or damaged"):
        read_features(two_files)


@pytest.mark.parametrize("length", [2**36, 2**62, 2**64 - 1, 2**64 - 17])
@pytest.mark.parametrize("number", [0, 2])
def test_record_length_beyond_the_file_is_reported(two_files, length, number):
    data = two_files[1].read_bytes()
    (whole,) = struct.unpack("<Q", data[:8])
    start = number * (whole + 16)
    two_files[1].write_bytes(data[:start] + frame(b"record", length))  # with the checksum of the length
    with pytest.raises(InputError, match=rf"b.tfrecord: record {number + 1}: truncated or damaged"):
        read_features(two_files)


@pytest.mark.parametrize("name", [b"input_\xff\xff\xff", b"\xc3" * 9, b"\xed\xa0\x80input_"])
@pytest.mark.parametrize("number", [0, 1])
def test_feature_name_not_in_utf8_is_reported(tmp_path, name, number):
    records = [serialize(padded())] * 2
    records[number] = records[number].replace(b"input_ids", name)
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"".join(map(frame, records)))
    with pytest.raises(InputError, match=rf"x.tfrecord: record {number + 1}: not a tf.train.Example"):
        read_features([path])


def test_record_with_invalid_field_is_reported(tmp_path):
    """Field numbers begin at 1 (encoding of protobuf), which `tf.io.parse_example` does not check."""
    path = tmp_path / "x.tfrecord"
    path.write_bytes(frame(serialize(padded())) + frame(serialize(padded()) + b"\x02\x00"))
    with pytest.raises(InputError, match=r"x.tfrecord: record 2: not a tf.train.Example"):
        read_features([path])


def test_damaged_record_is_reported(two_files):
    data = bytearray(two_files[0].read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    data[length + 16 + 12 + 5] ^= 1  # within the second record's data
    two_files[0].write_bytes(data)
    with pytest.raises(InputError, match=r"a.tfrecord: record 2: truncated or damaged"):
        read_features(two_files)


def test_files_that_are_not_tfrecords_are_reported(tmp_path):
    (tmp_path / "text.txt").write_text("One sentence a line.\n" * 50)
    (tmp_path / "empty.tfrecord").touch()
    write_records(tmp_path / "bytes.tfrecord", [b"\xff\xff\xff"])
    with pytest.raises(InputError, match=r"text.txt: record 1: truncated or damaged, or not a TFRecord"):
        read_features([tmp_path / "text.txt"])
    with pytest.raises(InputError, match=r"empty.tfrecord: contains no record"):
        read_features([tmp_path / "empty.tfrecord"])
    with pytest.raises(InputError, match=r"bytes.tfrecord: record 1: not a tf.train.Example"):
        read_features([tmp_path / "bytes.tfrecord"])
    with pytest.raises(InputError, match=r"none.tfrecord: cannot be read"):
        read_features([tmp_path / "none.tfrecord"])


def test_git_lfs_pointer_is_reported(tmp_path):
    path = tmp_path / "a.tfrecord"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:07\nsize 9\n")
    with pytest.raises(InputError, match=r"a\.tfrecord: is a Git LFS pointer"):
        read_features([path])


def test_examples_are_memory_mapped(two_files):
    features = read_features(two_files)
    for array in (features.input_ids, features.labels["masked_lm_ids"]):
        while isinstance(array.base, np.ndarray):
            array = array.base
        assert isinstance(array.base, mmap.mmap)


def test_full_temporary_folder_is_reported(two_files, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(InputError, match=rf"{tmp_path}: cannot be written \(.*TMPDIR"):
            read_features(two_files)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
