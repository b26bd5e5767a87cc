"""Writes and reads TFRecord files of pretraining examples; see `tfrecord_format` for a record."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.data.features import Features, row_splits
from bertbench.data.tfrecord_format import (
    FLOAT_FEATURE,
    ID_FEATURES,
    LABEL_FEATURE,
    LARGEST_ID,
    PREDICTION_FEATURES,
    TOKEN_FEATURES,
    RecordShape,
    check_record,
    is_example,
)
from bertbench.data.tfrecord_frames import damaged, require_frames
from bertbench.errors import InputError, tensorflow_reason
from bertbench.files import require_plain_file

READ_BUFFER_BYTES = 8 * 2**20
CHUNK_EXAMPLES = 8192


def write_records(path: Path, records: Sequence[bytes]) -> None:
    """Write a TFRecord file; each record needs `tfrecord_frames.FRAME_BYTES` in addition to its length.

    Raises:
      InputError: the file cannot be written, for example because the disk is full.
    """
    import tensorflow as tf

    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records:
                writer.write(record)
    except tf.errors.OpError as error:
        reason = tensorflow_reason(error.message)
        raise InputError(f"{path}: cannot be written ({reason}); free some space.") from None


def iter_features(
    paths: Sequence[Path],
    chunk_examples: int = CHUNK_EXAMPLES,
    *,
    max_seq_length: int | None = None,
    max_predictions_per_seq: int | None = None,
) -> Iterator[Features]:
    """Read TFRecord files in the given order, `chunk_examples` at a time (the last chunk may be shorter).

    Only one chunk is in memory at a time. Padding is removed by `input_mask`.

    Args:
      paths: files, from `bertbench.patterns.match_files`.
      chunk_examples: examples per chunk; a chunk may span files.
      max_seq_length, max_predictions_per_seq: the sizes that the files must have; None: any.

    Returns:
      An iterator of Features with labels masked_lm_positions int32 [N, P], masked_lm_ids int32 [N, P],
      masked_lm_weights float32 [N, P] (1 for a prediction, 0 for padding), next_sentence_labels int32 [N]
      (1: the second text is random).

    Raises:
      InputError: a file contains no record, has other features, other lengths than the first record or than
        requested, or is truncated. The first record of each file is checked in the call, the rest later.
    """
    shape = record_shape(paths)
    wishes = {"max_seq_length": max_seq_length, "max_predictions_per_seq": max_predictions_per_seq}
    for name, wish in wishes.items():
        if wish is not None and wish != getattr(shape, name):
            raise InputError(f"{paths[0]}: contains {shape}, but {name} is {wish}; set it to match the file.")
    return _iterate(paths, chunk_examples, shape)


def read_features(
    paths: Sequence[Path],
    *,
    max_seq_length: int | None = None,
    max_predictions_per_seq: int | None = None,
) -> Features:
    """All examples of the files; arguments as for `iter_features`.

    The arrays are unnamed files in the temporary folder (`TMPDIR`) that are mapped into memory, so that they
    may be larger than the memory.

    Raises:
      InputError: as `iter_features`; or the temporary folder is full.
    """
    chunks = iter_features(
        paths, max_seq_length=max_seq_length, max_predictions_per_seq=max_predictions_per_seq
    )
    columns: dict[str, _Column] = {}
    with contextlib.ExitStack() as files:
        for chunk in chunks:
            ids = {"input_ids": chunk.input_ids, "segment_ids": chunk.segment_ids, "lengths": chunk.lengths}
            for name, rows in {**ids, **chunk.labels}.items():
                if name not in columns:
                    columns[name] = _Column(files.enter_context(tempfile.TemporaryFile(buffering=0)))
                columns[name].append(rows)
        mapped = {name: column.map() for name, column in columns.items()}
    lengths = mapped.pop("lengths")
    return Features(mapped.pop("input_ids"), mapped.pop("segment_ids"), row_splits(lengths), mapped)


class _Column:
    """Rows of one dtype and shape, appended to a file that is then mapped into memory."""

    def __init__(self, file: io.RawIOBase) -> None:
        self._file = file

    def append(self, rows: np.ndarray) -> None:
        self._row = rows[:0]
        left = np.ascontiguousarray(rows).data.cast("B")
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise InputError(
                f"{tempfile.gettempdir()}: cannot be written ({error.strerror}); free some space there, or "
                "set TMPDIR to another folder."
            ) from None

    def map(self) -> np.ndarray:
        mapped = np.memmap(self._file, self._row.dtype, "r+")
        return np.asarray(mapped).reshape(-1, *self._row.shape[1:])


def record_shape(paths: Sequence[Path]) -> RecordShape:
    """S and P, read from each file's first record.

    Raises:
      InputError: a file contains no record, is not a TFRecord of pretraining examples, or differs from the
        first.
    """
    shape = _first_shape(paths[0])
    for path in paths[1:]:
        other = _first_shape(path)
        if other != shape:
            raise InputError(
                f"{path}: contains {other}, but {paths[0]} {shape}; read only files with the same sizes."
            )
    return shape


def _iterate(paths: Sequence[Path], chunk_examples: int, shape: RecordShape) -> Iterator[Features]:
    import tensorflow as tf

    lengths = {
        **dict.fromkeys(TOKEN_FEATURES, (shape.max_seq_length,)),
        **dict.fromkeys(PREDICTION_FEATURES, (shape.max_predictions_per_seq,)),
        LABEL_FEATURE: (),
    }
    spec = {
        name: tf.io.FixedLenFeature(length, tf.float32 if name == FLOAT_FEATURE else tf.int64)
        for name, length in lengths.items()
    }
    try:
        for batch in _batches(paths, chunk_examples):
            parsed = {name: value.numpy() for name, value in tf.io.parse_example(batch, spec).items()}
            if not (all(map(is_example, batch.numpy())) and _is_consistent(parsed)):
                _name_bad_record(paths, shape)
            yield _unpad(parsed)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, UnicodeDecodeError):
        _name_bad_record(paths, shape)
        raise


def _batches(paths: Sequence[Path], size: int) -> Iterator[Any]:
    """Serialized records, `size` at a time; a batch may span files, and the last one may be shorter."""
    import tensorflow as tf

    waiting = tf.zeros([0], tf.string)
    for path in paths:
        require_frames(path)
        for batch in tf.data.TFRecordDataset(str(path), buffer_size=READ_BUFFER_BYTES).batch(size):
            waiting = tf.concat([waiting, batch], 0)
            if len(waiting) >= size:
                yield waiting[:size]
                waiting = waiting[size:]
    if len(waiting):
        yield waiting


def _is_consistent(parsed: Mapping[str, np.ndarray]) -> bool:
    """Whether `check_record` would accept the values of a batch of records."""
    mask = parsed["input_mask"]
    lengths = mask.sum(axis=1)
    ids = (parsed[name] for name in ID_FEATURES)
    positions = parsed["masked_lm_positions"]
    limits = np.where(parsed["masked_lm_weights"] == 0, mask.shape[1], lengths[:, None])
    return bool(
        all(np.all((values >= 0) & (values <= LARGEST_ID)) for values in ids)
        and np.all(lengths)
        and np.array_equal(mask, np.arange(mask.shape[1]) < lengths[:, None])
        and np.isin(parsed[FLOAT_FEATURE], (0, 1)).all()
        and np.all((positions >= 0) & (positions < limits))
        and np.isin(parsed[LABEL_FEATURE], (0, 1)).all()
    )


def _unpad(parsed: Mapping[str, np.ndarray]) -> Features:
    real = parsed["input_mask"].astype(bool)
    return Features(
        parsed["input_ids"][real].astype(np.int32),
        parsed["segment_ids"][real].astype(np.int32),
        row_splits(real.sum(axis=1)),
        {
            name: parsed[name].astype(np.float32 if name == FLOAT_FEATURE else np.int32)
            for name in (*PREDICTION_FEATURES, LABEL_FEATURE)
        },
    )


def _first_shape(path: Path) -> RecordShape:
    require_plain_file(path)
    for number, data in _raw_records(path, most=1):
        return check_record(data, f"{path}: record {number}")
    raise InputError(f"{path}: contains no record; prepare or fetch it again.")


def _name_bad_record(paths: Sequence[Path], shape: RecordShape) -> None:
    """Check the files record by record and raise InputError for the first invalid one."""
    for path in paths:
        for number, data in _raw_records(path):
            other = check_record(data, f"{path}: record {number}")
            if other != shape:
                raise InputError(
                    f"{path}: record {number}: contains {other}, but the first record {shape}; prepare the "
                    "file again."
                )


def _raw_records(path: Path, most: int = -1) -> Iterator[tuple[int, Any]]:
    """Yield number (from 1) and data of each record, or of the first `most`."""
    import tensorflow as tf

    require_frames(path, most)
    number = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).take(most):
            number += 1
            yield number, record.numpy()
    except tf.errors.DataLossError:
        raise damaged(path, number + 1) from None
