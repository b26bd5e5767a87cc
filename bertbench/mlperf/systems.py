"""The systems under test: how each scenario's queries become batches."""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bertbench.mlperf.batching import BatchingRule
from bertbench.mlperf.engine import WindowEngine

SCENARIOS = ("Offline", "SingleStream", "Server")


class Sample(Protocol):
    """One sample of a query: its id in the test, and its number in the data set."""

    id: int
    index: int


Complete = Callable[[Sequence[int], Sequence[np.ndarray]], None]  # ids and logits


class System(ABC):
    """Answers queries; what it raises in another thread is raised by `close`."""

    def __init__(self, engine: WindowEngine, complete: Complete) -> None:
        self._engine, self._complete = engine, complete

    @abstractmethod
    def issue(self, samples: Sequence[Sample]) -> None:
        """Take a query."""

    def close(self) -> None:  # noqa: B027
        """End; every query has been answered."""


class SingleStream(System):
    """One window after the other, each when it is asked for."""

    def issue(self, samples: Sequence[Sample]) -> None:
        """Answer at once."""
        for sample in samples:
            self._complete([sample.id], self._engine.run([sample.index]))


class Offline(System):
    """All windows of a query at once, in batches of similar lengths."""

    def issue(self, samples: Sequence[Sample]) -> None:
        """Answer batch by batch."""
        ids = [sample.id for sample in samples]
        for places, logits in self._engine.run_all([sample.index for sample in samples]):
            self._complete([ids[place] for place in places], logits)


@dataclass(frozen=True)
class _Request:
    sample_id: int
    index: int
    arrival: float


class Server(System):
    """Requests as they come, in batches that keep to a latency bound."""

    def __init__(self, engine: WindowEngine, complete: Complete, rule: BatchingRule) -> None:
        super().__init__(engine, complete)
        self._rule = rule
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._ends = False
        self._error: Exception | None = None
        self._worker = threading.Thread(target=self._serve, name="batches", daemon=True)
        self._worker.start()

    def issue(self, samples: Sequence[Sample]) -> None:
        """Let the requests wait for a batch."""
        now = time.perf_counter()
        with self._changed:
            self._waiting.extend(_Request(sample.id, sample.index, now) for sample in samples)
            self._changed.notify()

    def close(self) -> None:
        """Answer what still waits, and end."""
        with self._changed:
            self._ends = True
            self._changed.notify()
        self._worker.join()
        if self._error is not None:
            raise self._error

    def _serve(self) -> None:
        while batch := self._next_batch():
            try:
                logits = self._engine.run([request.index for request in batch])
            except Exception as error:
                self._error = error
                logits = [np.zeros((0, 2), np.float32)] * len(batch)  # so that the test ends
            self._complete([request.sample_id for request in batch], logits)

    def _next_batch(self) -> list[_Request]:
        """The next batch, when it is time for it; empty at the end."""
        with self._changed:
            while True:
                if not self._waiting and self._ends:
                    return []
                if not self._waiting:
                    self._changed.wait()
                    continue
                oldest = self._waiting[0].arrival
                count, pause = self._rule.choose(len(self._waiting), oldest, time.perf_counter())
                if count:
                    return [self._waiting.popleft() for _ in range(count)]
                self._changed.wait(pause)
