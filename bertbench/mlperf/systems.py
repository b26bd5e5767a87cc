"""The systems under test: how each scenario's queries become batches."""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bertbench.mlperf.batching import BatchingRule

if TYPE_CHECKING:
    from bertbench.mlperf.engine import WindowEngine

SCENARIOS = ("Offline", "SingleStream", "Server")


class Sample(Protocol):
    """One sample of a query: its id in the test, and its number in the data set."""

    id: int
    index: int


Complete = Callable[[Sequence[int], Sequence["np.ndarray"]], None]  # ids and logits


class System(ABC):
    """Answers queries; exceptions of its threads are raised by `close`."""

    def __init__(self, engine: "WindowEngine", complete: Complete) -> None:
        self._engine, self._complete = engine, complete

    @abstractmethod
    def issue(self, samples: Sequence[Sample]) -> None:
        """Accept a query."""

    def close(self) -> None:  # noqa: B027
        """End, after every query was answered."""


class SingleStream(System):
    """Answers one window at a time, immediately."""

    def issue(self, samples: Sequence[Sample]) -> None:
        """Answer immediately."""
        for sample in samples:
            self._complete([sample.id], self._engine.run([sample.index]))


class Offline(System):
    """Answers all windows of a query, in batches of similar lengths."""

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
    """Answers requests in order of arrival, in batches within a latency bound."""

    def __init__(self, engine: "WindowEngine", complete: Complete, rule: BatchingRule) -> None:
        super().__init__(engine, complete)
        self._rule = rule
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._ends = False
        self._error: Exception | None = None
        self._worker = threading.Thread(target=self._serve, name="batches", daemon=True)
        self._worker.start()

    def issue(self, samples: Sequence[Sample]) -> None:
        """Add requests to the queue."""
        now = time.perf_counter()
        with self._changed:
            self._waiting.extend(_Request(sample.id, sample.index, now) for sample in samples)
            self._changed.notify()

    def close(self) -> None:
        """Answer the waiting requests, and end."""
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
        """Wait for the next batch; it is empty at the end."""
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
