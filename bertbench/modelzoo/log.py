"""The log: everything a run prints, after what it was and where it ran."""

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import click

from bertbench.errors import InputError
from bertbench.files import make_directory


class RunLog:
    """Prints lines and keeps them in a file, from several threads; a context manager.

    `benchmark_<model>_<mode>_<precision>_<time>.log`, as the model zoo names it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = make_directory(folder) / f"benchmark_{name}_{time.strftime('%Y%m%d_%H%M%S')}.log"
        self._stream: TextIO
        self._lock = threading.Lock()

    def __enter__(self) -> "RunLog":
        try:
            self._stream = self.path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be written ({error.strerror}); give another --output-dir."
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._stream.close()

    def line(self, text: str, shown: bool = True) -> None:
        """Write a line to the log as long as it is open, and print it unless it is only for the log."""
        with self._lock:
            if not self._stream.closed:
                self._stream.write(f"{text}\n")
            if shown:
                click.echo(text)

    def facts(self, title: str, values: Mapping[str, object], shown: bool) -> None:
        """Write a title and one `name: value` line each."""
        self.line(f"{title}:", shown)
        for name, value in values.items():
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            self.line(f"    {name}: {text}", shown)
