"""Scores by item in a numpy file: `ids` [N] and the arrays of `bertbench.evaluation.items`.

Everything in a file is checked before it is used: nothing is unpickled, and no array is larger than the
file's index states.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bertbench.errors import InputError
from bertbench.evaluation.items import Items
from bertbench.files import write_bytes

MOST_BYTES = 1 << 28  # of an array: ten million items with ids of six letters
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)


def write_items(path: Path, items: Items) -> None:
    """Write items, compressed, atomically; raises as `write_bytes`."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **{"ids": items.ids, **items.values})  # type: ignore[arg-type]
    write_bytes(path, stream.getvalue())


def read_items(path: Path, scores: Mapping[str, float]) -> Items:
    """Read items and check that they give at least one of these scores, and no different value.

    Raises:
      InputError: the file is missing, malformed, or belongs to other scores.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {
                entry.filename.removesuffix(".npy"): _read_array(archive, entry)
                for entry in archive.infolist()
            }
        items = Items(arrays.pop("ids"), arrays)
    except _UNREADABLE as error:
        raise InputError(
            f"{path}: scores by item cannot be read ({error}); make the results again."
        ) from None
    if fault := _fault(items, scores):
        raise InputError(f"{path}: {fault}; make the results again.")
    return items


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """One array, if its header describes no more data than the archive's index.

    Raises:
      ValueError: it does not, or the array contains anything but numbers and text.
    """
    with archive.open(entry) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError(f"{entry.filename} has another format")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in "biufU" or len(shape) != 1:
        raise ValueError(f"{entry.filename} is not a one-dimensional array of numbers or names")
    if not 0 < shape[0] * dtype.itemsize <= entry.file_size <= MOST_BYTES:
        raise ValueError(f"{entry.filename} does not have the length in its header")
    with archive.open(entry) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _fault(items: Items, scores: Mapping[str, float]) -> str | None:
    if items.ids.dtype.kind != "U" or len(np.unique(items.ids)) != len(items):
        return "ids are not distinct"
    for name, values in items.values.items():
        if values.shape != items.ids.shape or values.dtype.kind == "U" or not np.isfinite(values).all():
            return f"{name} is not a finite number for each id"
    made = 0
    for name, score in scores.items():
        try:
            again = items.score(name)
        except KeyError:
            continue
        if not np.isclose(again, score, rtol=1e-6):
            return f"does not give the {name} {score}"
        made += 1
    return None if made else "contains none of the scores"
