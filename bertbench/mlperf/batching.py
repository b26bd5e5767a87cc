"""The choice of waiting requests for the next batch within a latency bound."""

import bisect
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BatchingRule:
    """Batches of a server under a latency bound.

    A request may arrive just after a batch has started. Half of the bound is for that batch, and half for
    waiting and for its own batch. So batches take at most half of the bound, and the oldest request waits for
    others only while its own batch can still end in time.

    Attributes:
      bound: seconds from arrival to answer.
      seconds: duration of a batch, by its number of rows; these are the possible sizes.
    """

    bound: float
    seconds: Mapping[int, float]

    @property
    def largest(self) -> int:
        """The largest batch that takes at most half of the bound; the smallest size if none does."""
        fitting = [size for size, seconds in self.seconds.items() if seconds <= self.bound / 2]
        return max(fitting, default=min(self.seconds))

    def rows_for(self, requests: int) -> int:
        """The smallest size for this number of requests."""
        sizes = sorted(self.seconds)
        return sizes[bisect.bisect_left(sizes, requests)]

    def choose(self, waiting: int, oldest: float, now: float) -> tuple[int, float]:
        """Decide how many of the oldest requests to take now, or how long to wait for others.

        Args:
          waiting: number of requests, at least one.
          oldest: arrival of the first request, in seconds on the clock of `now`.

        Returns:
          A number and 0.0, or 0 and the seconds to wait.
        """
        if waiting >= self.largest:
            return self.largest, 0.0
        latest_start = oldest + self.bound / 2 - self.seconds[self.rows_for(waiting + 1)]
        if now < latest_start:
            return 0, latest_start - now
        return waiting, 0.0
