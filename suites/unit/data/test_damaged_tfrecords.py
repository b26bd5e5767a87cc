"""Damaged TFRecord files are rejected with file and record."""

import math
import struct

import pytest

from bertbench.data.tfrecords import read_features, write_records
from bertbench.errors import InputError
from suites.unit.data.record_files import padded, serialize, write
from tools.mutants.binary import frame

pytestmark = pytest.mark.unit


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
