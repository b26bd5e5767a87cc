"""Hidden states as files, written part by part, so that memory does not grow with the number of texts.

JSON lines are those of `extract_features.py` of google-research/bert. Archives (`.npz`, `.safetensors`) hold
`layer_N` for each layer N, float32 [T, H] or, pooled, [N, H]. Not pooled, they also hold `input_ids`, int32
[T], and `row_splits`, int64 [N + 1]: text i has the tokens row_splits[i]:row_splits[i + 1].
"""

from __future__ import annotations

import itertools
import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bertbench.errors import InputError
from bertbench.files import atomic_path
from bertbench.temporary import temporary_folder

if TYPE_CHECKING:
    from bertbench.extraction.hidden_states import HiddenStates

SUFFIXES = (".jsonl", ".json", ".npz", ".safetensors")
_DECIMALS = 6  # decimals of a value in JSON, as in the original
_SAFETENSORS_TYPES = {"float32": "F32", "int32": "I32", "int64": "I64"}


def require_suffix(path: Path) -> None:
    """Check that the name of a file has a supported suffix.

    Raises:
      InputError: it has not.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: the name sets the format and must end in {', '.join(SUFFIXES)}.")


def write_states(path: Path, parts: Iterable[HiddenStates], tokens: Sequence[str], *, pooled: bool) -> None:
    """Write all parts to a file, in the format of its suffix.

    Args:
      tokens: the vocabulary, by id. pooled: whether there is one vector per text.
    """
    with atomic_path(path) as temporary, temporary_folder(path) as folder:
        if path.suffix == ".npz":
            _write_npz(temporary, _collect_arrays(folder, parts, pooled=pooled))
        elif path.suffix == ".safetensors":
            _write_safetensors(temporary, _collect_arrays(folder, parts, pooled=pooled))
        else:
            with temporary.open("w", encoding="utf-8") as stream:
                for number, value in enumerate(_json_lines(parts, tokens, pooled=pooled)):
                    stream.write(json.dumps({"linex_index": number, **value}) + "\n")


def _json_lines(
    parts: Iterable[HiddenStates], tokens: Sequence[str], *, pooled: bool
) -> Iterator[dict[str, Any]]:
    for part in parts:
        splits = part.features.row_splits.tolist()
        for text, (start, end) in enumerate(itertools.pairwise(splits)):
            if pooled:
                yield {"layers": _layers(part, text)}
                continue
            ids = part.features.input_ids[start:end].tolist()
            rows = zip(ids, range(start, end), strict=True)
            yield {
                "features": [{"token": tokens[piece], "layers": _layers(part, row)} for piece, row in rows]
            }


def _layers(part: HiddenStates, row: int) -> list[dict[str, Any]]:
    return [
        {"index": layer, "values": [round(value, _DECIMALS) for value in values[row].tolist()]}
        for layer, values in part.layers.items()
    ]


class _GrowingArray:
    """An array of a known width whose rows are written to a file."""

    def __init__(self, path: Path, first: np.ndarray) -> None:
        self.path, self.dtype = path, first.dtype
        self._rows, self._width = 0, first.shape[1:]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self._rows, *self._width)

    @property
    def num_bytes(self) -> int:
        return self.path.stat().st_size

    def append(self, rows: np.ndarray) -> None:
        with self.path.open("ab") as stream:
            stream.write(np.ascontiguousarray(rows).data)
        self._rows += len(rows)


def _collect_arrays(folder: Path, parts: Iterable[HiddenStates], *, pooled: bool) -> dict[str, _GrowingArray]:
    """The arrays of all parts, each in a file of the folder."""
    arrays: dict[str, _GrowingArray] = {}
    tokens = 0
    for part in parts:
        for name, values in _arrays_of(part, tokens, pooled=pooled).items():
            if name not in arrays:
                arrays[name] = _GrowingArray(folder / name, values)
            arrays[name].append(values)
        tokens += len(part.features.input_ids)
    return arrays


def _arrays_of(part: HiddenStates, before: int, *, pooled: bool) -> dict[str, np.ndarray]:
    """The rows of a part, after `before` tokens."""
    layers = {f"layer_{layer}": values for layer, values in part.layers.items()}
    if pooled:
        return layers
    splits = part.features.row_splits + before
    return {"row_splits": splits[1:] if before else splits, "input_ids": part.features.input_ids, **layers}


def _write_npz(path: Path, arrays: Mapping[str, _GrowingArray]) -> None:
    """A zip of .npy files (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                facts = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
                np.lib.format.write_array_header_1_0(stream, facts)
                with array.path.open("rb") as rows:
                    shutil.copyfileobj(rows, stream)


def _write_safetensors(path: Path, arrays: Mapping[str, _GrowingArray]) -> None:
    """The length of a JSON header in 8 bytes, the header, and the arrays.

    https://github.com/huggingface/safetensors describes the format. Its package writes only from memory.
    """
    header: dict[str, Any] = {}
    end = 0
    for name, array in arrays.items():
        start, end = end, end + array.num_bytes
        kind = _SAFETENSORS_TYPES[array.dtype.name]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # so that the arrays are aligned
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            with array.path.open("rb") as rows:
                shutil.copyfileobj(rows, stream)
