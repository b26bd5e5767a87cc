"""Numbers and names of the data as people read them."""

import math
from collections.abc import Mapping

NONE = "–"
MINUS = "−"
PROPER = {"squad": "SQuAD", "f1": "F1", "mcc": "MCC", "lm": "LM"}


def words(name: str) -> str:
    """A name of the data as people write it."""
    return " ".join(PROPER.get(word, word) for word in name.split("_"))


def figure(value: float | None, digits: int = 4) -> str:
    """A number with so many significant digits, thousands separated, or a dash."""
    if value is None:
        return NONE
    if value == 0 or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}".replace("-", MINUS)
    return f"{value:#.{digits}g}".replace("-", MINUS)


def signed(value: float | None, decimals: int = 2) -> str:
    """A difference with its sign, or a dash."""
    if value is None:
        return NONE
    return f"{value:+.{decimals}f}".replace("-", MINUS)


def decimals_for(tolerance: float) -> int:
    """The decimals that show a difference to a hundredth of its tolerance."""
    return max(0, 2 - math.floor(math.log10(tolerance))) if tolerance > 0 else 4


def percent(value: float | None, decimals: int = 1) -> str:
    """A share as per cent, or a dash."""
    if value is None:
        return NONE
    return f"{value * 100:.{decimals}f} %".replace("-", MINUS)


def describe_ways(shares: Mapping[str, float]) -> str:
    """Shares by name: `packed graph`, or `packed graph 67 %, eager 33 %`."""
    if len(shares) == 1:
        return next(iter(shares))
    return ", ".join(f"{name} {percent(share, 0)}" for name, share in shares.items())
