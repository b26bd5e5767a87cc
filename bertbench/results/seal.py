"""Checksums in baselines and results, to detect later edits."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from bertbench.errors import InputError

CHECKSUM = "checksum"


def seal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with a `checksum`: the hexadecimal SHA-256 of their JSON with sorted keys and without spaces."""
    return {**values, CHECKSUM: _checksum_of(values)}


def require_seal(values: Mapping[str, Any], place: str) -> None:
    """Check that values match their checksum.

    Raises:
      InputError: they were edited or have no checksum; the message begins with `place`.
    """
    if CHECKSUM not in values:
        raise InputError(f"{place}: has no {CHECKSUM}; record it again.")
    if values[CHECKSUM] != _checksum_of(values):
        raise InputError(f"{place}: was changed after it was recorded; restore it, or record it again.")


def require_unedited(values: Mapping[str, Any], place: str) -> None:
    """Check that results match their checksum, if they have one: other programs may write none.

    Raises:
      InputError: they were edited; the message begins with `place`.
    """
    if CHECKSUM in values and values[CHECKSUM] != _checksum_of(values):
        raise InputError(f"{place}: was changed after it was written; restore it, or make the results again.")


def _checksum_of(values: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in values.items() if name != CHECKSUM}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
