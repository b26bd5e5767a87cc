"""A full disk, simulated by a limit of the size of files: to mount a small file system needs root."""

import contextlib
import resource
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def largest_file() -> Iterator[Callable[[int], None]]:
    """Yield a function that sets the largest size of a file in bytes; the limit ends with the context.

    Python 3.11 would leave truncated modules in `__pycache__`, which later imports fail to read, so it
    writes none.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    writes_none = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        sys.dont_write_bytecode = writes_none


@contextlib.contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """Limit files to `size` bytes."""
    with largest_file() as limit:
        limit(size)
        yield
