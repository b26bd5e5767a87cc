"""Numbers and names as readable text."""

import math
import re
from collections.abc import Mapping

NONE = "–"
MINUS = "−"
# Characters that move the cursor, end a line, change the writing direction, or are invalid: C0 and C1 control
# characters, line and paragraph separators, bidirectional controls, surrogates, and those that XML excludes.
_NOT_PRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
PROPER = {"squad": "SQuAD", "f1": "F1", "mcc": "MCC", "lm": "LM"}


def printable(text: str) -> str:
    """A text from a file or a command line in a form that is safe to print on one line of a terminal.

    Control characters, line separators, bidirectional controls and lone surrogates are written as Python's
    escapes (`\\x1b`, `\\u202e`).
    """
    return _NOT_PRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def shorten(text: str, most: int = 1000) -> str:
    """A text, shortened in the middle to about `most` characters."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} ... ({len(text) - 2 * half:,} characters) ... {text[-half:]}"


def brief(text: str, most: int = 1000) -> str:
    """A text in `printable` form, then shortened: escapes can make it several times as long."""
    return shorten(printable(text), most)


def words(name: str) -> str:
    """A readable form of a name."""
    return " ".join(PROPER.get(word, word) for word in name.split("_"))


def format_number(value: float | None, digits: int = 4) -> str:
    """A number with the given significant digits and separated thousands, or a dash for None."""
    if value is None:
        return NONE
    if value == 0 or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}".replace("-", MINUS)
    return f"{value:#.{digits}g}".rstrip(".").replace("-", MINUS)


def signed(value: float | None, decimals: int = 2) -> str:
    """A difference with its sign, or a dash for None."""
    if value is None:
        return NONE
    return f"{value:+.{decimals}f}".replace("-", MINUS)


def decimals_for(tolerance: float) -> int:
    """The number of decimals that shows a hundredth of a tolerance."""
    return max(0, 2 - math.floor(math.log10(tolerance))) if tolerance > 0 else 4


def percent(value: float | None, decimals: int = 1) -> str:
    """A share as a percentage, or a dash for None."""
    if value is None:
        return NONE
    return f"{value * 100:.{decimals}f} %".replace("-", MINUS)


def describe_ways(shares: Mapping[str, float]) -> str:
    """Shares by name: `packed graph`, or `packed graph 67 %, eager 33 %`."""
    if len(shares) == 1:
        return next(iter(shares))
    return ", ".join(f"{name} {percent(share, 0)}" for name, share in shares.items())


def p_value(value: float) -> str:
    """A p-value to print after its name: `= 0.0123`, or `< 0.0001`."""
    return "< 0.0001" if value < 0.0001 else f"= {value:.4f}"
