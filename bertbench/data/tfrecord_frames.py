"""The frames of TFRecord files: where each record begins and ends.

A frame is the length of a record (uint64, little-endian), a checksum of the length, the record, and a
checksum of the record (https://www.tensorflow.org/tutorials/load_data/tfrecord). TensorFlow verifies the
checksums, but allocates as much memory as the length states, and takes an incomplete header as the end of the
file.
"""

from pathlib import Path

from bertbench.errors import InputError

HEADER_BYTES = 12
FRAME_BYTES = 16  # header and checksum of the record
_BUFFER_BYTES = 2**20


def require_frames(path: Path, most: int = -1) -> None:
    """Check that a file consists of whole frames; no checksum is verified.

    Args:
      most: number of frames to check; -1: all.

    Raises:
      InputError: a frame ends after the end of the file; the message names the record.
    """
    size = path.stat().st_size
    number = end = 0
    with path.open("rb", _BUFFER_BYTES) as stream:
        while end < size and number != most:
            stream.seek(end)
            header = stream.read(HEADER_BYTES)
            number += 1
            end += FRAME_BYTES + int.from_bytes(header[:8], "little")
            if len(header) < HEADER_BYTES or end > size:
                raise damaged(path, number)


def damaged(path: Path, number: int) -> InputError:
    """The error for an unreadable record, numbered from 1."""
    return InputError(
        f"{path}: record {number}: truncated or damaged, or not a TFRecord; prepare or fetch it again."
    )
