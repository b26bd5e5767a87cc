"""BERT's kernels in float64 by numpy and scipy: the exact values for the float32 and bfloat16 kernels.

`test_exact.py` compares these with mpmath. Inputs and results are float64; rows are the last axis.
"""

import numpy as np
from scipy import special


def sigmoid_argument(x: np.ndarray) -> np.ndarray:
    """u in gelu(x) = x sigmoid(u), the tanh form (Hendrycks & Gimpel 2016, section 2)."""
    return 2.0 * np.sqrt(2.0 / np.pi) * (x + 0.044715 * x * x * x)


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    """x/2 (1 + tanh(u/2)) = x sigmoid(u)."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        return np.where(x == -np.inf, -0.0, x * special.expit(sigmoid_argument(x)))


def gelu_erf(x: np.ndarray) -> np.ndarray:
    """x Phi(x) = x/2 erfc(-x / sqrt 2)."""
    with np.errstate(invalid="ignore", under="ignore"):
        return np.where(x == -np.inf, -0.0, x * 0.5 * special.erfc(-x / np.sqrt(2.0)))


def gelu_tanh_slope(x: np.ndarray) -> np.ndarray:
    """d/dx of `gelu_tanh`."""
    bounded = np.clip(x, -50.0, 50.0)  # beyond, the slope is 0 or 1 in float64
    gate = special.expit(sigmoid_argument(bounded))
    inner = 2.0 * np.sqrt(2.0 / np.pi) * (1.0 + 3.0 * 0.044715 * bounded**2)
    with np.errstate(under="ignore"):
        return gate + bounded * inner * gate * special.expit(-sigmoid_argument(bounded))


def gelu_erf_slope(x: np.ndarray) -> np.ndarray:
    """d/dx of `gelu_erf`: Phi(x) + x phi(x)."""
    bounded = np.clip(x, -50.0, 50.0)
    with np.errstate(under="ignore"):
        density = np.exp(-0.5 * bounded**2) / np.sqrt(2.0 * np.pi)
        return 0.5 * special.erfc(-bounded / np.sqrt(2.0)) + bounded * density


def exp(x: np.ndarray) -> np.ndarray:
    """e^x."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.exp(x)


def erfc(x: np.ndarray) -> np.ndarray:
    """2 / sqrt(pi) times the integral of e^(-t^2) from x to infinity."""
    return special.erfc(x)


def condition_of_erfc(x: np.ndarray) -> np.ndarray:
    """|x erfc'(x) / erfc(x)|, with the quotient e^(-x^2) / erfc(x) as the inverse of the scaled erfc."""
    return 2.0 / np.sqrt(np.pi) * np.abs(x) / special.erfcx(x)


def softmax(scores: np.ndarray) -> np.ndarray:
    """exp(s - max s) / sum exp(s - max s) over the last axis."""
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def layer_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, epsilon: float) -> np.ndarray:
    """(x - mean) / sqrt(variance + epsilon) gamma + beta over the last axis."""
    return normalized(x, epsilon) * gamma + beta


def normalized(x: np.ndarray, epsilon: float) -> np.ndarray:
    """(x - mean) / sqrt(variance + epsilon) over the last axis."""
    centered = x - x[..., :1]
    centered = centered - centered.mean(-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(-1, keepdims=True) + epsilon)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """log sum exp(logits) - logits[label], [N, C] and [N] -> [N]; exact where the loss is near 0, too."""
    chosen = np.take_along_axis(logits, labels[:, None], -1)
    others = np.where(np.arange(logits.shape[-1]) == labels[:, None], -np.inf, logits - chosen)
    largest = np.maximum(others.max(-1), 0.0)
    rest = np.exp(others - largest[:, None]).sum(-1)
    return np.where(largest > 0, largest + np.log(rest + np.exp(-largest)), np.log1p(rest))
