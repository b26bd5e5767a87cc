"""Workers that train together with Horovod (Sergeev & Del Balso 2018, arXiv:1802.05799).

The only module that imports Horovod.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import horovod.tensorflow as hvd
import tensorflow as tf
from horovod.common.exceptions import HorovodInternalError

from bertbench import __version__
from bertbench.console import notice
from bertbench.errors import CannotJudge, InputError
from bertbench.training.workers import Trained, Workers

COMPRESSIONS = {"none": hvd.Compression.none, "fp16": hvd.Compression.fp16}
# Gradients are exchanged in fixed buckets of about this size. Horovod's own choice of buckets (its "tensor
# fusion") depends on timing, and so would the order of summation over more than two workers.
BUCKET_BYTES = 32 * 2**20
_SECONDS_FOR_LAUNCHER = 20.0


class HorovodWorkers(Workers):
    """The workers of a Horovod job; when one is lost, all end.

    Attributes:
      local_rank, local_size: this worker and how many there are, on this host.
    """

    def __init__(self, compression: str = "none") -> None:
        """Connect to the other workers; `compression` of exchanged gradients is one of `COMPRESSIONS`."""
        os.environ["HOROVOD_FUSION_THRESHOLD"] = "0"
        hvd.init()
        self.rank, self.size = hvd.rank(), hvd.size()
        self.shares = (self.rank,)
        self.local_rank, self.local_size = hvd.local_rank(), hvd.local_size()
        self._compression = COMPRESSIONS[compression]

    def sum_gradients(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Each gradient summed over the workers; called inside the training graph."""
        sums: list[tf.Tensor] = []
        for number, bucket in enumerate(_buckets(gradients)):
            flat = tf.concat([tf.reshape(gradient, [-1]) for gradient in bucket], 0)
            total = hvd.allreduce(flat, op=hvd.Sum, name=f"gradients_{number}", compression=self._compression)
            parts = tf.split(total, [gradient.shape.num_elements() for gradient in bucket])
            sums += [tf.reshape(part, gradient.shape) for part, gradient in zip(parts, bucket, strict=True)]
        return sums

    def sum_scalars(self, scalars: Mapping[str, float]) -> dict[str, float]:
        """Each number summed over the workers."""
        names = sorted(scalars)
        values = tf.constant([scalars[name] for name in names], tf.float64)
        totals = hvd.allreduce(values, op=hvd.Sum, name="scalars").numpy()
        return {name: float(totals[names.index(name)]) for name in scalars}

    def broadcast(self, variables: Sequence[tf.Variable]) -> None:
        """Give every worker the values of rank 0."""
        hvd.broadcast_variables(variables, root_rank=0)

    def send(self, value: tf.Tensor, root: int) -> tf.Tensor:
        """The value of worker `root`; all workers' values have the same shape and dtype."""
        return hvd.broadcast(value, root, name="send")

    def share(self, value: Any, root: int) -> Any:
        """The object of worker `root`."""
        return hvd.broadcast_object(value, root, name="share")

    def gather(self, value: Any) -> list[Any]:
        """The objects of all workers, in the order of their ranks."""
        return hvd.allgather_object(value, name="gather")

    def require_agreement(self, facts: Mapping[str, Any]) -> None:
        """Raise InputError in every worker, with the differences, if they differ in a fact."""
        versions = {"bertbench version": __version__, "TensorFlow version": tf.__version__}
        everyone = self.gather(_flatten({**facts, **versions}))
        differences = [
            f"{name} ({'; '.join(f'rank {rank}: {own.get(name)}' for rank, own in enumerate(everyone))})"
            for name in sorted(set().union(*everyone))
            if any(own.get(name) != everyone[0].get(name) for own in everyone)
        ]
        if differences:
            raise InputError(
                f"workers differ in {', '.join(differences)}; use the same files and options on every host."
            )

    def require_identical(self, variables: Mapping[str, tf.Variable]) -> None:
        """Raise CannotJudge in every worker where their variables differ in a bit."""
        digest = hashlib.sha256()
        for variable in variables.values():
            digest.update(variable.numpy().data)
        digests = self.gather(digest.hexdigest())
        odd = [str(rank) for rank, other in enumerate(digests) if other != digests[0]]
        if odd:
            raise CannotJudge(f"weights of rank {', '.join(odd)} differ from those of rank 0 after training.")


class ElasticHorovodWorkers(HorovodWorkers):
    """Workers that continue from the last committed step when some are lost.

    The work stays divided by the number of workers at the start; those that are left take over the parts of
    the lost ones. So steps, examples, dropout and learning rate stay as they were.
    """

    def run_with_recovery(
        self, variables: Mapping[str, tf.Variable], step: int, train: Callable[[int], Trained]
    ) -> Trained:
        """Call `train` with the first step, and again with the last committed one when a worker is lost."""
        self._committed = hvd.elastic.TensorFlowState(list(variables.values()), step=step)

        @hvd.elastic.run
        def attempt(state: hvd.elastic.TensorFlowState) -> Trained:
            self.rank, left = hvd.rank(), hvd.size()
            self.shares = range(self.rank, self.size, left)
            if self.rank == 0 and left < self.size:
                notice(f"{self.size - left} of {self.size} workers lost; continuing from step {state.step}")
            # Rank 0 may have committed a step that others have not, if the worker was lost in between.
            try:
                self.broadcast(state.variables)
                state.save()
                return train(state.step)
            except tf.errors.OpError as error:
                # Horovod recognizes only errors that name its operations, and ignores others silently.
                kind = HorovodInternalError if _is_lost_worker(error) else RuntimeError
                raise kind(error.message) from error

        return attempt(self._committed)

    def commit(self, step: int) -> None:
        """Keep the variables as those of `step`, to continue from when a worker is lost."""
        self._committed.step = step
        self._committed.save()


@contextlib.contextmanager
def waiting_for_launcher() -> Iterator[None]:
    """When another worker's failure makes Horovod fail here, wait until the launcher ends this worker.

    The launcher reports the worker that ends first, which should be the one that failed.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if not _is_lost_worker(error):
            raise
        time.sleep(_SECONDS_FOR_LAUNCHER)
        raise CannotJudge("another worker ended early.") from None


def _is_lost_worker(error: tf.errors.OpError) -> bool:
    return "Horovod" in error.message


def _buckets(gradients: Sequence[tf.Tensor]) -> Iterator[list[tf.Tensor]]:
    bucket: list[tf.Tensor] = []
    size = 0
    for gradient in gradients:
        bytes_ = gradient.shape.num_elements() * gradient.dtype.size
        if bucket and size + bytes_ > BUCKET_BYTES:
            yield bucket
            bucket, size = [], 0
        bucket.append(gradient)
        size += bytes_
    if bucket:
        yield bucket


def _flatten(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Nested facts as one dictionary."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            flat.update({f"{name} {inner}": content for inner, content in _flatten(value).items()})
        else:
            flat[name] = value
    return flat
