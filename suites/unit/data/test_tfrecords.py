"""Pretraining TFRecords: the original's files are read unchanged; other lengths are reported."""

import mmap
import tempfile
from pathlib import Path

import numpy as np
import pytest

from bertbench.data.pretraining import MaskedExample
from bertbench.data.tfrecord_format import RecordShape, serialize_example
from bertbench.data.tfrecords import iter_features, read_features, record_shape, write_records
from bertbench.errors import InputError
from suites.full_disk import files_no_longer_than
from suites.unit.data.record_files import P, S, padded, write

pytestmark = pytest.mark.unit


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


def test_examples_are_memory_mapped(two_files):
    features = read_features(two_files)
    for array in (features.input_ids, features.labels["masked_lm_ids"]):
        while isinstance(array.base, np.ndarray):
            array = array.base
        assert isinstance(array.base, mmap.mmap)


def test_full_temporary_folder_is_reported(two_files, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    reason = rf"{tmp_path}: cannot be written \(.*TMPDIR"
    with files_no_longer_than(100), pytest.raises(InputError, match=reason):
        read_features(two_files)
