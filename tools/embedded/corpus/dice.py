"""Seeded choices that come out the same on every machine and in every Python version."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Choices drawn from `random.Random(seed).random()` alone.

    Of the standard library's generator only `random()` promises the same sequence in all versions, so
    everything else is derived from it here.
    """

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def below(self, limit: int) -> int:
        """An integer in [0, limit)."""
        return int(self._random() * limit)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random() < probability

    def choice(self, values: Sequence[T]) -> T:
        """One of the values."""
        return values[self.below(len(values))]

    def sample(self, values: Sequence[T], count: int) -> list[T]:
        """`count` different members of the sequence (all of them, if there are fewer), in random order."""
        pool = list(values)
        return [pool.pop(self.below(len(pool))) for _ in range(min(count, len(pool)))]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """All values in random order."""
        return self.sample(values, len(values))

    def weighted(self, values: Sequence[T], weights: Sequence[float]) -> T:
        """One of the values, each as likely as its weight says."""
        point = self._random() * sum(weights)
        for value, weight in zip(values, weights, strict=True):
            point -= weight
            if point < 0:
                return value
        return values[-1]
