"""Reads settings from TOML files; errors are reported with file, line and key."""

import difflib
import glob
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bertbench.errors import InputError
from bertbench.files import read_content
from bertbench.options import OptionField, Pattern, Settings, all_options, build, read_value
from bertbench.patterns import expand, split_paths

COMMAND = "predict"  # whose options are a model's
_MOST_BYTES = 2**20  # parsing takes quadratic time in the length of a key
_MOST_NUMBERED = 2**15  # characters; in longer files no line number is looked up, which parses every line
_TYPES: dict[type, str] = {str: "a text", list: "a list", dict: "a table"}
S = TypeVar("S", bound=Settings)
T = TypeVar("T")


class TomlFile:
    """A parsed TOML file.

    Attributes:
      values: its top table.
    """

    def __init__(self, path: Path) -> None:
        """Read a file.

        Raises:
          InputError: it is unreadable, larger than 1 MiB, not UTF-8 or not TOML; the message names file and
            line.
        """
        self.path = path
        content = read_content(path)
        if len(content.data) > _MOST_BYTES:
            raise InputError(f"{path}: is larger than {_MOST_BYTES:,} bytes; give a settings file.")
        self._text = content.text()
        try:
            self.values: Mapping[str, Any] = tomllib.loads(self._text)
        except (ValueError, RecursionError) as error:  # TOMLDecodeError, or beyond Python's limits
            raise InputError(f"{path}: {error}; correct the TOML there.") from None

    def place(self, keys: tuple[str, ...]) -> str:
        """`FILE: line 4: model.faq.data`, for messages; the line is that of the key, or of its table."""
        line = next((found for end in range(len(keys), 0, -1) if (found := self._line(keys[:end]))), None)
        where = f"line {line}: " if line else ""
        return f"{self.path}: {where}{'.'.join(keys)}"

    def _line(self, keys: tuple[str, ...]) -> int | None:
        """The line on which a key's statement begins: after the last part of the file that lacks the key."""
        if len(self._text) > _MOST_NUMBERED:
            return None
        lines = self._text.splitlines(keepends=True)
        before = 0
        for end in range(1, len(lines) + 1):
            try:
                values = tomllib.loads("".join(lines[:end]))
            except tomllib.TOMLDecodeError:  # a statement of several lines is not complete
                continue
            if _holds(values, keys):
                statement = range(before, end)
                return next(n for n in statement if lines[n].partition("#")[0].strip()) + 1
            before = end
        return None


class TomlTable:
    """A table of a TOML file.

    Attributes:
      values: by key.
    """

    def __init__(
        self, file: TomlFile, keys: tuple[str, ...] = (), values: Mapping[str, Any] | None = None
    ) -> None:
        self._file, self._keys = file, keys
        self.values = file.values if values is None else values

    def place(self, *keys: str) -> str:
        """File, line and path of a key in this table."""
        return self._file.place((*self._keys, *keys))

    def within(self, key: str) -> "TomlTable":
        """The table of that key; raises as `value`."""
        return TomlTable(self._file, (*self._keys, key), self.value(key, dict))

    def value(self, key: str, kind: type[T]) -> T:
        """The value of a key.

        Raises:
          InputError: it is missing, or has the wrong type.
        """
        self.require(key)
        value = self.values[key]
        if not isinstance(value, kind):
            raise InputError(f"{self.place(key)} is {value!r}; it must be {_TYPES[kind]}.")
        return value

    def require(self, key: str) -> None:
        """Check that the key exists; raises InputError if not."""
        if key not in self.values:
            raise InputError(f"{self.place()}: key {key!r} is missing; add it.")

    def choice(self, key: str, names: Sequence[str]) -> str:
        """The value of a key that is one of some names; raises as `value`."""
        value = self.value(key, str)
        if value not in names:
            raise InputError(f"{self.place(key)} is {value!r}; choose one of {', '.join(names)}.")
        return value

    def settings(self, kind: type[S], folder: Path) -> S:
        """Settings with the values of this table's keys; paths are relative to `folder`.

        Raises:
          InputError: a value has the wrong type, is not one of its choices or outside its range,
            or a path does not exist.
        """
        fields = {key: option for key, option in option_keys(kind).items() if key in self.values}
        return build(kind, {option.name: self._read(option, key, folder) for key, option in fields.items()})

    def whole(self, kind: type[S]) -> S:
        """Settings from a table without other keys; raises as `settings` and `refuse_keys_but`."""
        self.refuse_keys_but(*option_keys(kind))
        return self.settings(kind, self._file.path.parent)

    def refuse_keys_but(self, *known: str) -> None:
        """Check that the table has no other keys.

        Raises:
          InputError: it has.
        """
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1) or ", ".join(known)
                meant = f"did you mean {near[0]!r}?" if isinstance(near, list) else f"choose from {near}."
                raise InputError(f"{self.place(key)}: unknown key; {meant}")

    def _read(self, option: OptionField, key: str, folder: Path) -> Any:
        value = read_value(option, self.values[key], self.place(key))
        if option.type is Path:
            value = folder / value
            if not value.exists() and not list(value.parent.glob(f"{glob.escape(value.name)}*")):
                raise InputError(f"{self.place(key)}: {value}: no such file or folder; correct the path.")
        elif option.type is Pattern:
            parts = [os.path.join(folder, part) for part in split_paths(value)]
            value = Pattern(",".join(parts))
            if not any(expand(part) for part in parts):
                raise InputError(f"{self.place(key)}: {value}: matches no file; correct the path.")
        return value


def option_keys(kind: type[Settings]) -> dict[str, OptionField]:
    """The options that a file may give, by key: their names on the command line."""
    return {field.words[0].removeprefix("--"): field for field in all_options(kind, COMMAND)}


def _holds(values: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(values, Mapping) or key not in values:
            return False
        values = values[key]
    return True
