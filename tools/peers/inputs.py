"""The windows for every engine, and their batches for other engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertbench.data.features import Features
from bertbench.data.squad import read_squad
from bertbench.data.squad_windows import WindowSettings, make_windows
from bertbench.data.tokenization import Tokenizer
from bertbench.errors import InputError
from bertbench.export.inputs import ROW_INPUTS
from bertbench.file_identity import DataFile, sha256_of_file
from bertbench.precision import INT8

MAX_SEQ_LENGTH = 384
PADDED, SORTED = "padded", "sorted"
SORTED_AT_ONCE = "sorted, two at once"
CALIBRATION_WINDOWS = 128  # as many as `bertbench quantize` takes


@dataclass(frozen=True)
class PlainBatch:
    """int64 [B, S] arrays for other engines; `examples` int [B] are the windows' indexes."""

    input_ids: np.ndarray
    segment_ids: np.ndarray
    mask: np.ndarray
    examples: np.ndarray

    def named(self) -> dict[str, np.ndarray]:
        """The inputs of the model as an ONNX graph."""
        return dict(zip(ROW_INPUTS, (self.input_ids, self.segment_ids, self.mask), strict=True))


@dataclass(frozen=True)
class Calibration:
    """The windows on which all engines calibrate int8, and the file of training data that has them."""

    features: Features
    file: DataFile


def read_calibration(
    precisions: Sequence[str], training_file: Path | None, predict_file: Path, tokenizer: Tokenizer
) -> Calibration | None:
    """The windows to calibrate on; None if int8 is not among the precisions.

    Raises:
      InputError: there is no file of training data, or it is the one that is predicted.
    """
    if INT8.name not in precisions:
        return None
    if training_file is None:
        raise InputError("int8 is calibrated on training data; use --calibration-file, or BERTBENCH_DATA.")
    file = DataFile(training_file, sha256_of_file(training_file))
    if file.sha256 == sha256_of_file(predict_file):
        raise InputError(f"{training_file}: is the file of the predictions; give training data.")
    return Calibration(read_windows(training_file, tokenizer, CALIBRATION_WINDOWS), file)


def read_windows(dataset: Path, tokenizer: Tokenizer, count: int) -> Features:
    """`count` windows of a SQuAD file, evenly distributed."""
    features = make_windows(read_squad(dataset), tokenizer, WindowSettings(MAX_SEQ_LENGTH)).features
    return take(features, np.arange(count) * len(features) // count)


def take(features: Features, chosen: np.ndarray) -> Features:
    """Some examples of a set, without labels."""
    rows = [slice(features.row_splits[index], features.row_splits[index + 1]) for index in chosen]
    return Features.from_rows(
        [features.input_ids[row] for row in rows], [features.segment_ids[row] for row in rows]
    )


def save_features(features: Features, path: Path) -> None:
    """Write features without labels for the other processes."""
    np.savez(
        path, input_ids=features.input_ids, segment_ids=features.segment_ids, row_splits=features.row_splits
    )


def load_features(path: Path) -> Features:
    """Read what `save_features` wrote."""
    with np.load(path) as arrays:
        return Features(arrays["input_ids"], arrays["segment_ids"], arrays["row_splits"])


def make_batches(features: Features, setup: str, batch_size: int) -> list[PlainBatch]:
    """Batches of all examples: in order and padded to 384, or sorted by length and padded to the longest."""
    lengths = features.lengths
    order = np.argsort(-lengths, kind="stable") if setup == SORTED else np.arange(len(features))
    batches = []
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        width = int(lengths[chosen].max()) if setup == SORTED else MAX_SEQ_LENGTH
        batches.append(_lay_out(features, chosen, width))
    return batches


def _lay_out(features: Features, chosen: np.ndarray, width: int) -> PlainBatch:
    ids, segments, mask = (np.zeros((len(chosen), width), np.int64) for _ in range(3))
    for row, index in enumerate(chosen):
        source = slice(features.row_splits[index], features.row_splits[index + 1])
        length = source.stop - source.start
        ids[row, :length] = features.input_ids[source]
        segments[row, :length] = features.segment_ids[source]
        mask[row, :length] = 1
    return PlainBatch(ids, segments, mask, chosen)
