"""The values in use: given values and defaults, with paths resolved as the model zoo resolves them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertbench.modelzoo.arguments import Arguments
from bertbench.modelzoo.option import LaunchOption
from bertbench.modelzoo.table import LAUNCH_OPTIONS, MODEL_ARGUMENTS
from bertbench.patterns import expand

_LAUNCH = {option.name: option for option in LAUNCH_OPTIONS}
_MODEL = {argument.name: argument for argument in MODEL_ARGUMENTS}


class LaunchSettings:
    """The given values and the mode's defaults; it records which values are used.

    A model argument takes precedence over the launch option of the same name, and both over the default.
    """

    def __init__(self, arguments: Arguments, mode: str) -> None:
        self._arguments = arguments
        self._mode = mode
        self._used: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        value = self.given(name)
        if value is None:
            option = _MODEL.get(name) or _LAUNCH[name]
            value = option.default(self._mode)
        self._used[name] = value
        return value

    def given(self, name: str) -> Any:
        """The value given by the user, or None."""
        return self._arguments.model.get(name, self._arguments.launch.get(name))

    def path(self, name: str) -> Path | None:
        """The path of a file: the first existing one of the places where it may be.

        A relative name is searched in --data-location, a checkpoint in --checkpoint, then in the current
        folder; in training, as in the original, first in the current folder.
        """
        text = self[name]
        if text is None:
            return None
        found = self._find(name, str(text))
        self._used[name] = str(found)
        return found

    def paths(self, name: str) -> str:
        """As `path`, of each path or pattern of a comma-separated list."""
        text = str(self[name])
        whole = self._find(name, text)
        found = [whole] if whole.is_file() else [self._find(name, part) for part in text.split(",")]
        self._used[name] = ",".join(map(str, found))
        return self._used[name]

    def _find(self, name: str, text: str) -> Path:
        folder = self["checkpoint" if name == "init_checkpoint" else "data_location"]
        stated = self._localise(text)
        places = [stated if folder is None else self._localise(str(folder)) / stated, stated]
        if self._mode == "training":
            places.reverse()
        return next((place for place in places if _exists(place)), places[0])

    def _localise(self, text: str) -> Path:
        """The host path of a path in the container, by the --volume pairs."""
        path = Path(os.path.expanduser(text))
        for host, inside in self._arguments.launch.get("volume", ()):
            inside_folder = Path(inside.partition(":")[0])
            if path.is_relative_to(inside_folder):
                return Path(host) / path.relative_to(inside_folder)
        return path

    @property
    def used(self) -> Mapping[str, Any]:
        """Every value that this run depends on."""
        return dict(sorted(self._used.items()))

    def unused(self) -> list[LaunchOption]:
        """The given options that do not affect this run."""
        given = [_LAUNCH[name] for name in self._arguments.launch]
        given += [_MODEL[name] for name in self._arguments.model]
        return [option for option in given if option.name not in self._used]


def _exists(place: Path) -> bool:
    """Whether a file or folder, a checkpoint with that prefix, or files that match the pattern exist."""
    if place.exists() or place.with_name(f"{place.name}.index").exists():
        return True
    return bool(expand(os.fspath(place)))
