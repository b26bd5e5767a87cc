"""The description of an option of `launch_benchmark.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LaunchOption:
    """One option before the separate `--`, or one model argument after it.

    Attributes:
      name: the name in the program; for a model argument, its spelling.
      kind: text, path, integer, count (at least 1), index (at least 0), number, boolean, cores (a count or
        `socket`), volume (A:B, repeatable), flag (without a value) or optional (with or without a value).
        Counts and indexes may be -1, which means the default.
      meaning: one line for --help and the documents; "" if the option is accepted without effect.
      idle: the reason, if it never has an effect. scope: the runs that it applies to, if not all.
      spellings: of an option before the `--`: the documented long form, then the short form.
      aliases: of a model argument: other names of it.
      refused: values that the model zoo accepted, each with the reason why it is none of the choices.
      inference, training: the default in each mode.
    """

    name: str
    kind: str
    meaning: str = ""
    spellings: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    inference: Any = None
    training: Any = None
    scope: str = ""
    idle: str = ""

    @property
    def shown(self) -> str:
        """The name as the user writes it."""
        return self.spellings[0] if self.spellings else self.name

    def default(self, mode: str) -> Any:
        """The default in that mode."""
        return self.inference if mode == "inference" else self.training
