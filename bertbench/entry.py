"""Runs the programs of this package: prepares standard streams, and reports errors as a line and a status.

This module imports only modules that Python has loaded at its start, so that from the first
milliseconds on an interruption ends a program quietly.
"""

import errno
import io
import os
import signal
import sys

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is; typing itself takes milliseconds to import
if TYPE_CHECKING:
    from typing import Any, TextIO

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CRASHED = 70  # EX_SOFTWARE of sysexits.h
_OUT_OF_MEMORY = (
    "out of memory; use a smaller model, --batch-size or --max-seq-length, "
    "in training --accum-steps or --recompute, or for a data set --num-inter-threads 1."
)
_CRASH = (
    "this is an error in bertbench, not in your input; please report it with the lines above, the command, "
    "and what `bertbench doctor --json` prints."
)
_FREE_SPACE = "free some space or choose another place"
_REMEDIES = {
    errno.EACCES: "choose another place, or ask its owner for access",
    errno.EPERM: "choose another place, or ask its owner for access",
    errno.EROFS: "choose a place that can be written",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: _FREE_SPACE,
    errno.EIO: _FREE_SPACE,
}


class Stopped(KeyboardInterrupt):
    """A signal to stop this program, like Ctrl-C.

    Attributes:
      number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run_program(name: str, module: str, arguments: list[str] | None = None) -> None:
    """Import `module`, call its `run(arguments)`, and exit with the status that it returns.

    What it raises becomes one line on standard error that begins with the program's name: a
    `BertbenchError` with its own status, an operating system's error about a file with status 2, a signal
    that stops the program with 128 + its number. Any other error is a fault in this package: status 70, with
    its traceback.

    Args:
      arguments: those of this process if None; its signals and standard streams are then prepared as well.
    """
    handled: tuple[signal.Signals, ...] = ()
    try:
        if arguments is None:
            handled = _stop_on_signals()
            _prepare_streams()
        try:
            status = _run(module, sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as error:
        status = _report(name, error)
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)  # cleanup is complete
    sys.exit(status)


def output_is_read() -> bool:
    """Whether standard output is still read, as far as writing to it has shown."""
    raw = getattr(sys.stdout.buffer, "raw", None)
    return not (isinstance(raw, _StandardStream) and raw.gone)


def _stop_on_signals() -> tuple[signal.Signals, ...]:
    """Let stop signals raise `Stopped`, except those that are ignored, such as SIGHUP under nohup."""
    handled = tuple(number for number in STOPPING if signal.getsignal(number) != signal.SIG_IGN)
    for number in handled:
        signal.signal(number, _stop)
    return handled


def _stop(number: int, _frame: object) -> None:
    """Raise `Stopped`, and ignore later signals during cleanup, except SIGINT, which ends it at once."""
    for other in STOPPING:
        signal.signal(other, signal.SIG_DFL if other == signal.SIGINT else signal.SIG_IGN)
    raise Stopped(number)


def _run(module: str, arguments: list[str]) -> int:
    import importlib

    from bertbench.errors import InputError
    from bertbench.lazy_imports import postpone_imports
    from bertbench.patterns import is_utf8

    postpone_imports()
    for argument in arguments:
        if not is_utf8(argument):
            raise InputError(
                f"{argument}: is not UTF-8 here; rename the file, or set a UTF-8 locale (LC_ALL=C.UTF-8)."
            )
    status: int = importlib.import_module(module).run(arguments)
    return status


def _report(name: str, error: BaseException) -> int:
    """Report how a program ended, and return its exit status."""
    from bertbench.errors import BertbenchError, InputError

    if isinstance(error, BertbenchError):
        _tell(f"{name}: {error}")
        return error.exit_status
    if isinstance(error, KeyboardInterrupt):
        number = signal.Signals(error.number if isinstance(error, Stopped) else signal.SIGINT)
        _tell(f"{name}: {'interrupted' if number == signal.SIGINT else f'stopped by {number.name}'}")
        return 128 + number  # as in shells
    if _is_out_of_memory(error):
        _tell(f"{name}: {_OUT_OF_MEMORY}")
        return InputError.exit_status
    if isinstance(error, OSError) and (place := _place(error)):
        _tell(f"{name}: {place}: {error.strerror}; {_REMEDIES.get(error.errno or 0, 'check the path')}.")
        return InputError.exit_status
    import traceback

    for line in "".join(traceback.format_exception(error)).splitlines():
        _tell(line)
    _tell(f"{name}: {_CRASH}")
    return CRASHED


def _tell(line: str) -> None:
    """Print a line on standard error, without importing packages that may be missing."""
    from bertbench.formatting import brief

    print(brief(line), file=sys.stderr)


def _place(error: OSError) -> str | None:
    """The file of an operating system's error; None if it means nothing to a user."""
    if error.filename is not None:
        return os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else None
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return "standard output"
    try:
        os.getcwd()
    except OSError:
        return "the current folder"
    return None


def _is_out_of_memory(error: BaseException) -> bool:
    tensorflow = sys.modules.get("tensorflow")  # if it is not loaded, the error is not TensorFlow's
    exhausted = MemoryError if tensorflow is None else tensorflow.errors.ResourceExhaustedError
    no_memory = isinstance(error, OSError) and error.errno == errno.ENOMEM
    return no_memory or isinstance(error, (MemoryError, exhausted))


def _prepare_streams() -> None:
    """Prepare the standard streams, so that only a full disk for standard output can end the program.

    A closed stream is replaced by one that discards its text, so that files that are opened later do not take
    its number. Characters that a stream cannot encode are written as escapes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdout = _text_stream(1, sys.stdout)
    sys.stderr = _text_stream(2, sys.stderr)


def _text_stream(number: int, former: "TextIO | None") -> io.TextIOWrapper:
    stream = _StandardStream(number, "w", closefd=False)
    unbuffered = isinstance(former, io.TextIOWrapper) and former.write_through
    return io.TextIOWrapper(
        io.BufferedWriter(stream),
        encoding=former.encoding if former else "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or stream.isatty() or unbuffered,
    )


class _StandardStream(io.FileIO):
    """Standard output or standard error, which discards text if it is not read.

    A closed pipe (`| head`) is not an error; text that standard error cannot take must not prevent
    the results. Only a full disk for standard output is an error, reported once, as results would be lost.
    """

    gone = False

    def write(self, data: "Any", /) -> int:
        size = memoryview(data).nbytes
        try:
            return size if self.gone else super().write(data)
        except OSError as error:
            self.gone = True
            if error.errno == errno.EPIPE or self.fileno() == 2:
                return size
            raise
