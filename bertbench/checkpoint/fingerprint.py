"""A checkpoint's fingerprint, computed while the program does something else."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bertbench.checkpoint.paths import checkpoint_files, fingerprint_files
from bertbench.file_identity import unchanged


class PendingFingerprint:
    """Hashes the files of a checkpoint in a thread, and watches them until the result is needed.

    Hashing takes about a second for 1 GB and does not hold the interpreter's lock, so it fits beside the
    import of TensorFlow.
    """

    def __init__(self, checkpoint: Path) -> None:
        """Start with the files of a checkpoint from `find_checkpoint`; raises as `checkpoint_files`."""
        files = checkpoint_files(checkpoint)
        self._watching = contextlib.ExitStack()
        self._watching.enter_context(unchanged(files))
        pool = ThreadPoolExecutor(1)
        self._hashing = pool.submit(fingerprint_files, files)
        pool.shutdown(wait=False)

    def result(self) -> str:
        """The fingerprint; to be called after the last use of the files.

        Raises:
          InputError: a file cannot be read, or was changed since the beginning.
        """
        fingerprint = self._hashing.result()
        self._watching.close()
        return fingerprint
