"""How much efficiency each case may lose."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from bertbench.errors import InputError
from bertbench.gate.limits import EFFICIENCY_THRESHOLD


@dataclass(frozen=True)
class Thresholds:
    """The share of its efficiency that a case may lose.

    Attributes:
      general: of every case. special: (glob of names, share); the last one that matches a case counts.
    """

    general: float = EFFICIENCY_THRESHOLD
    special: tuple[tuple[str, float], ...] = ()

    def of(self, case: str) -> float:
        """The share that the case of this name may lose."""
        matching = [share for pattern, share in self.special if fnmatch.fnmatchcase(case, pattern)]
        return matching[-1] if matching else self.general

    @classmethod
    def parse(cls, general: float, special: Sequence[str]) -> "Thresholds":
        """Thresholds in percent: of every case, and `PATTERN=PERCENT` of some.

        Raises:
          InputError: one is no percentage between 0 and 100, or has no pattern.
        """
        if not 0 < general < 100:
            raise InputError(f"--threshold {general:g}: must be a percentage between 0 and 100.")
        return cls(general / 100, tuple(_parse(text) for text in special))


THRESHOLDS = Thresholds()


def _parse(text: str) -> tuple[str, float]:
    pattern, _, number = text.rpartition("=")
    try:
        percent = float(number)
    except ValueError:
        percent = 0.0
    if not pattern or not 0 < percent < 100:
        raise InputError(
            f"--case-threshold {text}: must be PATTERN=PERCENT with a percentage between 0 and 100, such as "
            "'bf16-*-bert-large-*=8'."
        )
    return pattern, percent / 100
