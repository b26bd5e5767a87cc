"""Units in the last place (ULP) of bfloat16 and float32.

numpy has the spacing of its float types only; here spacing, neighbors and rounding are taken from the bit
layout, which both formats share: sign, 8 exponent bits, then 7 or 23 fraction bits (IEEE 754-2019 section
3.4; bfloat16 is the upper half of a binary32).
"""

from dataclasses import dataclass

import ml_dtypes
import numpy as np

SMALLEST_NORMAL = 2.0**-126
_SMALLEST_EXPONENT = -126


@dataclass(frozen=True)
class FloatFormat:
    """A binary float of 8 exponent bits.

    `dtype` and `word` are numpy's types of a value and of its bits; `digits` is the significand's width in
    bits, the hidden one included.
    """

    name: str
    dtype: np.dtype
    word: np.dtype
    digits: int

    @property
    def sign_bit(self) -> int:
        return 1 << (8 * self.word.itemsize - 1)

    @property
    def infinity_bits(self) -> int:
        return 0xFF << (self.digits - 1)

    @property
    def largest(self) -> float:
        """The largest finite value."""
        return (2.0 - 2.0 ** (1 - self.digits)) * 2.0**127


BF16 = FloatFormat("bf16", np.dtype(ml_dtypes.bfloat16), np.dtype(np.uint16), 8)
FP32 = FloatFormat("fp32", np.dtype(np.float32), np.dtype(np.uint32), 24)


def from_bits(bits: np.ndarray, kind: FloatFormat) -> np.ndarray:
    """The values of those bit patterns."""
    return np.asarray(bits).astype(kind.word).view(kind.dtype)


def to_bits(values: np.ndarray, kind: FloatFormat) -> np.ndarray:
    """The bit patterns of values of that dtype."""
    return np.ascontiguousarray(values, kind.dtype).view(kind.word)


def widen(values: np.ndarray) -> np.ndarray:
    """Values of any of the dtypes as float64, exactly; NaNs pass without a warning."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values).astype(np.float64)


def spacing(values: np.ndarray, kind: FloatFormat) -> np.ndarray:
    """One ULP at real numbers `values` (float64): the gap between the format's floats of that binade.

    2^(e - digits + 1) with 2^e <= |value| < 2^(e + 1); below the normal range the subnormals' gap. This is
    Goldberg's unit (1991, "What every computer scientist should know about floating-point arithmetic").
    """
    magnitude = np.abs(np.asarray(values, np.float64))
    finite = np.where(np.isfinite(magnitude), magnitude, kind.largest)
    exponent = np.frexp(finite)[1] - 1
    exponent = np.where(finite == 0, _SMALLEST_EXPONENT, np.maximum(exponent, _SMALLEST_EXPONENT))
    return np.ldexp(1.0, exponent - kind.digits + 1)


def step(values: np.ndarray, count: int | np.ndarray, kind: FloatFormat) -> np.ndarray:
    """The float `count` places above each value, below it where negative; both zeros are one place.

    Ends at the infinities; NaN stays NaN.
    """
    bits = to_bits(values, kind).astype(np.int64)
    negative = bits >= kind.sign_bit
    place = np.where(negative, kind.sign_bit - bits, bits)
    place = np.clip(place + count, -kind.infinity_bits, kind.infinity_bits)
    moved = from_bits(np.where(place < 0, kind.sign_bit - place, place), kind)
    return np.where(np.isnan(widen(values)), values, moved)


def round_to_nearest_even(values: np.ndarray) -> np.ndarray:
    """float32 -> bfloat16, to the nearest and where two are equally near to the even one, by the bits.

    Half of the lower 16 bits less one, plus the bit that decides evenness, carries into the upper 16 exactly
    where the value is to be rounded up. NaN stays NaN.
    """
    bits = to_bits(values, FP32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return from_bits(np.where(np.isnan(values), 0x7FC0, rounded), BF16)


def truncate(values: np.ndarray) -> np.ndarray:
    """float32 -> bfloat16 by dropping the lower 16 bits: the wrong way, for the tests of the tests."""
    return from_bits(to_bits(values, FP32) >> 16, BF16)


def ulp_error(
    got: np.ndarray,
    exact: np.ndarray,
    kind: FloatFormat,
    *,
    scale: np.ndarray | float = 1.0,
    floor: np.ndarray | float = 0.0,
) -> np.ndarray:
    """|got - exact|, less `floor`, in ULPs of `exact` times `scale`; float64, elementwise.

    Args:
      got: values of the format.
      exact: float64, the true results.
      scale: at least 1; how many ULPs count as one.
      floor: an absolute error that is not counted.
    Returns: 0 where both are NaN or the same infinity, or where `exact` rounds to the infinity that `got`
      is; infinity where only one is NaN or infinite.
    """
    wide, exact = widen(got), np.asarray(exact, np.float64)
    overflow = kind.largest + spacing(kind.largest, kind) / 2
    rounded = np.where(np.abs(exact) >= overflow, np.copysign(np.inf, exact), exact)
    special = ~(np.isfinite(wide) & np.isfinite(rounded))
    same = (wide == rounded) | (np.isnan(wide) & np.isnan(rounded))
    with np.errstate(invalid="ignore"):
        error = np.maximum(np.abs(wide - exact) - floor, 0.0) / (spacing(exact, kind) * scale)
    return np.where(special, np.where(same, 0.0, np.inf), error)


def all_bf16() -> np.ndarray:
    """Every bfloat16 bit pattern, [65536]."""
    return from_bits(np.arange(1 << 16), BF16)


def rounding_cases() -> np.ndarray:
    """float32 about every rounding decision: each bfloat16 pattern, its upper midpoint, and neighbors."""
    upper = np.arange(1 << 16, dtype=np.uint32)[:, None] << 16
    lower = np.array([0x0000, 0x0001, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0x8002, 0xFFFF], np.uint32)
    return from_bits((upper | lower).ravel(), FP32)


def float32_sweep(stride: int = 1021) -> np.ndarray:
    """Every `stride`-th float32 pattern, and three neighbors either side of every power of two; no NaN.

    The stride is odd, so that the fraction bits vary in all places.
    """
    dense = np.arange(0, 1 << 32, stride, dtype=np.int64)
    powers = (np.arange(256, dtype=np.int64) << 23)[:, None] + np.arange(-3, 4)
    edges = powers[(powers >= 0) & (powers < 1 << 31)]
    values = from_bits(np.concatenate([dense, edges, edges | 1 << 31]), FP32)
    return values[~np.isnan(values)]
