"""The log file: configuration and machine, then everything that the run prints."""

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from bertbench.console import say
from bertbench.errors import InputError
from bertbench.files import make_directory, reported_as


class RunLog:
    """Prints lines and writes them to a file, from several threads; a context manager.

    The file is `benchmark_<model>_<mode>_<precision>_<time>.log`, as in the model zoo.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = make_directory(folder) / f"benchmark_{name}_{time.strftime('%Y%m%d_%H%M%S')}.log"
        self._stream: TextIO
        self._lock = threading.Lock()

    def __enter__(self) -> "RunLog":
        try:
            self._stream = self.path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be written ({error.strerror}); choose another --output-dir."
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._stream.close()

    def line(self, text: str, shown: bool = True) -> None:
        """Write a line to the log while it is open, and print it if `shown`."""
        with self._lock:
            if not self._stream.closed:
                with reported_as(self.path):
                    self._stream.write(f"{text}\n")
            if shown:
                say(text)

    def facts(self, title: str, values: Mapping[str, object], shown: bool) -> None:
        """Write a title and one `name: value` line per value."""
        self.line(f"{title}:", shown)
        for name, value in values.items():
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            self.line(f"    {name}: {text}", shown)
