"""Shapes of bfloat16 products that take less time per operation on AMX than others.

- oneDNN takes 10 % less time per token if 128 divides the number of tokens (BERT-large's products).
- AMX reads 16 rows of activations at once. If they lie a multiple of 2 KiB apart, they compete for the same
  lines of the L1 cache, and the product takes up to 10 % longer. Some more columns move them apart.

`python -m tools.product_shapes` measures both.
"""

from bertbench.measure.machine import read_machine

TOKEN_MULTIPLE = 128
SPARE_COLUMNS = 32  # the least that AMX multiplies at once in bfloat16
_CROWDED = 1024  # bfloat16 numbers in 2 KiB


def token_multiple() -> int:
    """What should divide the number of tokens of a large batch in bfloat16."""
    return TOKEN_MULTIPLE if read_machine().products.amx else 1


def spare_columns(width: int) -> int:
    """The columns to add to bfloat16 activations of this width."""
    return SPARE_COLUMNS if width % _CROWDED == 0 and read_machine().products.amx else 0
