"""The scales of one site, chosen by the error of its products' results."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bertbench import kernels
from bertbench.int8 import ProductScales
from bertbench.quantization.clipping import METHODS, largest
from bertbench.quantization.observing import Observation

STRENGTHS = (None, 0.25, 0.5, 0.75)  # of smoothing; None: no smoothing
MOST_SMOOTHING = 1e4
SMALL_ERROR = 1e-3
DIGITS = 5  # of scales; more digits do not change results


@dataclass(frozen=True)
class Choice:
    """Scales, the methods that found them, and the relative mean square error of the site's results."""

    scales: ProductScales
    strength: float | None
    clipping: str
    error: float


def choose(observation: Observation, kernel: np.ndarray, *, after_gelu: bool = False) -> Choice:
    """The scales with the least error.

    Args:
      kernel: [I, O], the weights of all the site's products.
      after_gelu: whether the input is a GELU's result, which is computed as int8 only without smoothing. It
        is not smoothed if the error is at most `SMALL_ERROR` without.
    """
    choices = sorted(tries(observation, kernel), key=lambda choice: choice.error)
    if after_gelu:
        plain = next(choice for choice in choices if choice.strength is None)
        if plain.error <= SMALL_ERROR:
            return plain
    return choices[0]


def tries(observation: Observation, kernel: np.ndarray) -> Iterator[Choice]:
    """All combinations of smoothing strength and clipping method."""
    exact = observation.rows @ kernel
    power = float(np.square(exact).mean()) or 1.0
    for strength in STRENGTHS:
        smoothing = round_all(smooth(observation.largest, kernel, strength))
        smoothed = observation.rows / smoothing
        int8, steps = kernels.quantize_weights(kernel * smoothing[:, None])
        rounded = int8.astype(np.float32) * steps
        magnitudes = np.abs(np.concatenate([smoothed.ravel(), observation.largest / smoothing]))
        widest = largest(magnitudes)
        for name, find in METHODS.items():
            limit = round_all((find(magnitudes) if widest else 0.0) or widest or 1.0).item()
            step = np.float32(limit / kernels.INT8_LARGEST)
            quantized = np.clip(np.rint(smoothed / step), -kernels.INT8_LARGEST, kernels.INT8_LARGEST) * step
            error = float(np.square(quantized @ rounded - exact).mean()) / power
            listed = None if strength is None else tuple(smoothing.tolist())
            yield Choice(ProductScales(limit, listed), strength, name, error)


def smooth(largest: np.ndarray, kernel: np.ndarray, strength: float | None) -> np.ndarray:
    """The divisor of each input channel, [I] (SmoothQuant, Xiao et al. 2022, equation 4).

    max|x_j|^strength / max|w_j|^(1 - strength), divided by the geometric mean of all, which keeps the sizes
    of both operands, and within a factor of `MOST_SMOOTHING`; 1 where a channel or its weights are zero.
    """
    heaviest = np.abs(kernel).max(1)
    usable = (largest > 0) & (heaviest > 0)
    if strength is None or not usable.any():
        return np.ones_like(largest)
    logarithms = strength * np.log(largest[usable]) - (1 - strength) * np.log(heaviest[usable])
    smoothing = np.ones_like(largest)
    most = np.log(MOST_SMOOTHING)
    smoothing[usable] = np.exp(np.clip(logarithms - logarithms.mean(), -most, most))
    return smoothing


def round_all(values: np.ndarray | float) -> np.ndarray:
    """Positive values rounded to `DIGITS` significant digits, so that rounding noise changes no file."""
    wide = np.asarray(values, np.float64)
    power = 10.0 ** (DIGITS - 1 - np.floor(np.log10(wide)))
    return np.rint(wide * power) / power
