"""Child processes that end when their parent ends."""

import ctypes
import os
import signal
import sys

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
