"""A process for one measurement.

TensorFlow decides once per process whether oneDNN keeps its arrangement of the weights between calls. A
process that trains, or may do so later, must not keep it; a measurement of inference must, because
prediction does.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from bertbench.children import child_processes
from bertbench.errors import InputError
from bertbench.measure.threads import ThreadSettings
from bertbench.runtime import start_measuring

Call = Callable[..., Any]


@contextlib.contextmanager
def measuring_process(threads: ThreadSettings, *, trains: bool) -> Iterator[Call]:
    """A process with TensorFlow: `call(function, *arguments)` calls a function of a module there.

    Args:
      trains: whether it measures training.

    Raises:
      InputError: the process is killed.
    """
    try:
        with child_processes(1, start_measuring, threads, trains) as pool:
            yield lambda function, *arguments: pool.submit(function, *arguments).result()
    except BrokenProcessPool:
        raise InputError(
            "the measuring process was killed, probably out of memory; use a smaller batch size."
        ) from None
