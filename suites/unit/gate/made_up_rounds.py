"""Made-up efficiencies of rounds."""

import numpy as np
from hypothesis import strategies as st


def noisy(level, spread, count, seed):
    return level * np.exp(np.random.default_rng(seed).normal(0, spread, count))


ROUNDS = st.lists(st.floats(0.05, 1.0), min_size=5, max_size=30)
