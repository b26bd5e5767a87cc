"""The windows for every engine, and their batches for other engines."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertbench.data.features import Features
from bertbench.data.squad import read_squad
from bertbench.data.squad_windows import WindowSettings, make_windows
from bertbench.data.tokenizer_files import TokenizerFiles

MAX_SEQ_LENGTH = 384
PADDED, SORTED = "padded", "sorted"


@dataclass(frozen=True)
class PlainBatch:
    """int64 [B, S] arrays for other engines; `examples` int [B] are the windows' indexes."""

    input_ids: np.ndarray
    segment_ids: np.ndarray
    mask: np.ndarray
    examples: np.ndarray


def read_windows(dataset: Path, vocab_file: Path, count: int) -> Features:
    """`count` windows of a SQuAD file, evenly distributed."""
    windows = make_windows(
        read_squad(dataset), TokenizerFiles(vocab_file).tokenizer, WindowSettings(MAX_SEQ_LENGTH)
    )
    features = windows.features
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
