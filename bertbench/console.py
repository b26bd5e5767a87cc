"""Terminal output: lines, notices, JSON and progress.

Results go to standard output; notices and progress to standard error, so that output can be piped. Text is
shown as it is, except that what would steer a terminal is escaped (`formatting.printable`). Tables are in
`bertbench.tables`.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bertbench.formatting import brief, printable

PLAIN_PROGRESS_SECONDS = 10.0
_LONGEST_NOTICE = 4000  # characters


@dataclass
class _Hidden:
    """What this process does not print: notices and progress, and results other than JSON."""

    notices: bool = False
    results: bool = False


_hidden = _Hidden()


@contextlib.contextmanager
def telling(*, quiet: bool, as_json: bool) -> Iterator[None]:
    """Print no notices and no progress if `quiet`, and only results of `print_json` if `as_json`."""
    before = _hidden.notices, _hidden.results
    _hidden.notices, _hidden.results = quiet, as_json
    try:
        yield
    finally:
        _hidden.notices, _hidden.results = before


def json_is_selected() -> bool:
    """Whether results are printed as JSON, and not as text."""
    return _hidden.results


def print_json(result: Any, *, indent: int | None = 2) -> None:
    """Print a result as JSON, in ASCII, if JSON output is selected; otherwise print nothing.

    Args:
      indent: None for one line.
    """
    if json_is_selected():
        print(json.dumps(result, indent=indent, allow_nan=False, default=str), flush=True)


def say(message: str) -> None:
    """Print a line to standard output."""
    if not json_is_selected():
        print(printable(message), flush=True)


def notice(message: str) -> None:
    """Print a line to standard error that informs the user but needs no action."""
    if not _hidden.notices:
        print(brief(message, _LONGEST_NOTICE), file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(description: str, total: int, unit: str, *, done: int = 0) -> Iterator[Callable[..., None]]:
    """Show progress over `total` units: a bar on a terminal, otherwise a line from time to time.

    The remaining time is estimated from the units after those already `done` at the start.

    Yields `advance(count, **values)`; the values (loss, examples/s, ...) are shown next to the bar.
    """
    if _hidden.notices or not sys.stderr.isatty():
        yield _plain_lines(description, total, unit, done)
        return
    from bertbench.progress_bar import show_bar

    with show_bar(printable(description), total, unit, done) as advance_bar:
        yield lambda count=1, **figures: advance_bar(count, _format_figures(figures))


def _plain_lines(description: str, total: int, unit: str, done: int) -> Callable[..., None]:
    start = last_line = time.monotonic()
    before = done

    def advance(count: int = 1, **figures: object) -> None:
        nonlocal done, last_line
        done += count
        now = time.monotonic()
        if done < total and now - last_line < PLAIN_PROGRESS_SECONDS:
            return
        last_line = now
        elapsed = now - start
        remaining = elapsed / (done - before) * (total - done) if done > before else 0.0
        line = f"{description}: {done}/{total} {unit}, {elapsed:.0f} s, {remaining:.0f} s left"
        details = _format_figures(figures)
        notice(f"{line}, {details}" if details else line)

    return advance


def _format_figures(figures: dict[str, object]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in figures.items()
    )
