"""Paths and glob patterns as users write them.

An existing name takes precedence over a pattern, whatever characters it contains: `data/[wiki]/*.txt`
are the texts of the folder `[wiki]`, if it exists, and `a,b` is one file, if it exists.
"""

import glob
import os
from pathlib import Path

from bertbench.errors import InputError


def split_paths(text: str) -> list[str]:
    """The paths and patterns of a comma-separated list."""
    return [text] if os.path.isfile(text) else text.split(",")


def expand(pattern: str) -> list[Path]:
    """The files that match a path or a glob pattern, sorted."""
    path = Path(pattern)
    there = next(place for place in (path, *path.parents) if os.path.exists(place))
    if there == path:
        return [path] if path.is_file() else []
    rest = path.relative_to(there)
    found = glob.glob(os.path.join(glob.escape(os.fspath(there)), rest), recursive=True)
    return [Path(name) for name in sorted(found) if os.path.isfile(name)]


def match_files(patterns: str) -> list[Path]:
    """The files that match comma-separated paths and patterns, each once, sorted within a pattern.

    Raises:
      InputError: a pattern matches no file, or a file's name is not UTF-8.
    """
    paths: dict[Path, None] = {}
    for pattern in split_paths(patterns):
        found = expand(pattern)
        if not found:
            there = pattern and os.path.exists(pattern)
            trouble = (
                "is not a regular file; give a regular file"
                if there
                else "no such file; check the path or pattern"
            )
            raise InputError(f"{pattern or repr(patterns)}: {trouble}.")
        paths.update(dict.fromkeys(found))
    for path in paths:
        if not is_utf8(os.fspath(path)):
            raise InputError(f"{path}: its name is not UTF-8; rename the file.")
    return list(paths)


def is_utf8(path: str) -> bool:
    """Whether a path is valid UTF-8; Python represents other names with surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in path)
