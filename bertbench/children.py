"""Child processes that end when their parent ends."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

_SET_SIGNAL_OF_PARENTS_DEATH = 1  # PR_SET_PDEATHSIG, linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with(parent: int) -> None:
    """Let the kernel send this process SIGTERM when its parent ends; only Linux does.

    Args:
      parent: the parent's process id, which may have ended already.
    """
    if _libc is None:
        return
    _libc.prctl(_SET_SIGNAL_OF_PARENTS_DEATH, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def child_processes(
    count: int, initialize: Callable[..., object] | None = None, *arguments: Any
) -> "Iterator[ProcessPoolExecutor]":
    """New processes that call functions; an exception in the block, such as an interrupt, ends them at once.

    Args:
      initialize: called with `arguments` in each process before anything else.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    pool = ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),  # TensorFlow's threads do not survive a fork
        initializer=_begin,
        initargs=(os.getpid(), initialize, arguments),
    )
    others = set(multiprocessing.active_children())
    try:
        yield pool
    except BaseException:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(parent: int, initialize: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interrupt ends a child without a traceback
    end_with(parent)
    if initialize is not None:
        initialize(*arguments)
