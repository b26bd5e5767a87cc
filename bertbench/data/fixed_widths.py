"""A few fixed widths for single windows, so that every shape can be compiled before the first one arrives."""

WIDTH_STEP = 64  # tokens; limits the padding of a window, and the number of shapes


class FixedWidths:
    """The multiples of `WIDTH_STEP` below the longest window, and its own width.

    Attributes:
      all: in tokens, ascending.
    """

    def __init__(self, longest: int) -> None:
        self.all = (*range(WIDTH_STEP, longest, WIDTH_STEP), longest)

    def holding(self, length: int) -> int:
        """The smallest width for so many tokens, at most the longest."""
        return next(width for width in self.all if width >= length)
