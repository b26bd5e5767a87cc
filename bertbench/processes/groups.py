"""Processes in separate process groups, which end with all their children when this one is interrupted."""

import contextlib
import functools
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bertbench.children import end_with
from bertbench.entry import STOPPING

PACKAGE_PARENT = Path(__file__).resolve().parents[2]
SECONDS_TO_END = 10


def package_environment() -> dict[str, str]:
    """The variables for a process in any folder to import this package and to print line by line."""
    paths = [str(PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }


class Processes:
    """Starts processes, each in its own process group, and ends them all on a signal that stops this one."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []
        self._stopped_by: int | None = None
        self._main_thread_starts = False

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a process whose standard output and error are one stream of lines."""
        in_main_thread = threading.current_thread() is threading.main_thread()
        # A signal handler must not interrupt Popen: the process would run without being recorded.
        self._main_thread_starts = in_main_thread
        process = _start_group(command, environment)
        self._running.append(process)
        if in_main_thread:
            self._main_thread_starts = False
        if self._stopped_by is not None:
            self._end_all(self._stopped_by)
        return process

    @contextlib.contextmanager
    def ended_on_signals(self) -> Iterator[None]:
        """End everything that was started when the context ends.

        Raises:
          SystemExit: a signal was received; the status is 128 + its number.
        """
        before = {number: signal.signal(number, self._stop) for number in STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            for process in self._running:
                _await_end(process)

    def _stop(self, number: int, _frame: object) -> None:
        self._stopped_by = number
        if not self._main_thread_starts:
            self._end_all(number)

    def _end_all(self, stopped_by: int) -> None:
        for process in list(self._running):
            _signal_group(process, signal.SIGTERM)
        if threading.current_thread() is threading.main_thread():
            raise SystemExit(128 + stopped_by)


def run_to_end(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command and return its exit status and output; an exception in this thread ends its group."""
    with _start_group(command, environment) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            _signal_group(process, signal.SIGTERM)
            _await_end(process)
            raise
    return shell_status(process), output


def output_lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """The lines that the process writes, without their ends, until it closes its output."""
    with process.stdout or contextlib.nullcontext(()) as lines:
        for line in lines:
            yield line.rstrip("\n")


def shell_status(process: subprocess.Popen[str]) -> int:
    """Wait for the end; the status is that of a shell: 128 + the signal if a signal ended the process."""
    code = process.wait()
    return code if code >= 0 else 128 - code


def _start_group(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        preexec_fn=functools.partial(end_with, os.getpid()),
    )


def _await_end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen[str], number: int) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
