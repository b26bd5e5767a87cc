"""The values in force: given ones over defaults, with paths found where the model zoo looks for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertbench.modelzoo.arguments import Arguments
from bertbench.modelzoo.table import LAUNCH_OPTIONS, MODEL_ARGUMENTS

_LAUNCH = {option.name: option for option in LAUNCH_OPTIONS}
_MODEL = {argument.name: argument for argument in MODEL_ARGUMENTS}


class Settings:
    """Given values over the mode's defaults; it keeps account of which were used.

    A model argument wins over the launch option of its name, and either over the default.
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
        """The value the user gave, or None."""
        return self._arguments.model.get(name, self._arguments.launch.get(name))

    def path(self, name: str) -> Path | None:
        """A path that exists if any of the places it is looked for in has it.

        A relative name is looked for under --data-location, a checkpoint under --checkpoint; in training, as
        the original reads it, first where it stands.
        """
        text = self[name]
        if text is None:
            return None
        folder = self["checkpoint" if name == "init_checkpoint" else "data_location"]
        stated = self._localise(str(text))
        places = [stated if folder is None else self._localise(str(folder)) / stated, stated]
        if self._mode == "training":
            places.reverse()
        found = next((place for place in places if _exists(place)), places[0])
        self._used[name] = str(found)
        return found

    def _localise(self, text: str) -> Path:
        """A path inside the container as the host has it, by the --volume pairs."""
        path = Path(text).expanduser()
        for host, inside in self._arguments.launch.get("volume", ()):
            inside_folder = Path(inside.partition(":")[0])
            if path.is_relative_to(inside_folder):
                return Path(host) / path.relative_to(inside_folder)
        return path

    @property
    def used(self) -> Mapping[str, Any]:
        """Every value this run depends on."""
        return dict(sorted(self._used.items()))

    def unused(self) -> list[str]:
        """What was given and changes nothing in this run, as the user knows it."""
        given = [_LAUNCH[name] for name in self._arguments.launch]
        given += [_MODEL[name] for name in self._arguments.model]
        return [option.shown for option in given if option.name not in self._used]


def _exists(place: Path) -> bool:
    """Whether a file or folder, a checkpoint of that prefix, or files of that pattern exist."""
    if place.exists() or place.with_name(f"{place.name}.index").exists():
        return True
    return any(place.parent.glob(place.name)) if any(sign in place.name for sign in "*?[") else False
