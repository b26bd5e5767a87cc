"""TensorFlow's threads: the default for a machine, and how to set them before TensorFlow starts."""

from collections.abc import Sequence
from dataclasses import dataclass

from bertbench.errors import InputError
from bertbench.measure.machine import Machine

CORES_LEFT_TO_SYSTEM = 2
MOST_AT_ONCE = 2  # batches of a data set, or operations of a training step


@dataclass(frozen=True)
class ThreadSettings:
    """TensorFlow's thread pools: threads per operation (`intra`), concurrent operations (`inter`)."""

    intra: int
    inter: int = 1

    def __post_init__(self) -> None:
        for name, value in (("intra", self.intra), ("inter", self.inter)):
            if value < 1:
                raise InputError(f"{name}-op threads are {value}; give at least 1.")

    def shared_by(self, streams: int) -> "ThreadSettings":
        """The same threads, shared by batches that run at once; each batch runs one operation at a time."""
        return ThreadSettings(self.intra, streams)

    def for_data_sets(self, *given: int | None) -> "ThreadSettings":
        """As many threads for two batches at once; each batch has an inter-op thread, which computes, too.

        They stay as they are if there is one, or if the user has `given` a number of threads.
        """
        return self._two_at_once(self.intra - 1, given)

    def for_training(self, *given: int | None) -> "ThreadSettings":
        """Two operations at once: the gradients of a product's two inputs do not wait for each other.

        The threads per operation stay, because most of a step is a chain of operations: there is one thread
        more. All stay as they are if there is one, or if the user has `given` a number of threads.
        """
        return self._two_at_once(self.intra, given)

    def _two_at_once(self, intra: int, given: Sequence[int | None]) -> "ThreadSettings":
        if self.intra == 1 or any(number is not None for number in given):
            return self
        return ThreadSettings(intra, MOST_AT_ONCE)

    def __str__(self) -> str:
        return f"{self.intra} intra-op, {self.inter} inter-op threads"


def default_threads(machine: Machine, instances: int = 1) -> ThreadSettings:
    """The threads of each of `instances` processes that run on the machine at the same time.

    A single instance gets the logical cores of a socket. Several instances divide the logical cores of their
    socket minus two, at least 1 each. Only cores that this process may use count, and all instances share the
    CPU time limit of the control group.
    """
    if instances < 1:
        raise InputError(f"the number of instances is {instances}; give at least 1.")
    usable = set(machine.usable)
    sockets = [len(usable.intersection(cores)) for cores in machine.sockets]
    sockets = [cores for cores in sockets if cores]
    if instances == 1:
        return ThreadSettings(intra=min(max(sockets), machine.usable_cores))
    used_sockets = min(len(sockets), instances)
    socket_cores = min(min(sockets), machine.usable_cores // used_sockets)
    instances_per_socket = -(-instances // used_sockets)
    return ThreadSettings(intra=max(1, (socket_cores - CORES_LEFT_TO_SYSTEM) // instances_per_socket))


def one_thread_per_operation(threads: ThreadSettings) -> ThreadSettings:
    """The same number of threads, each running its own operations."""
    return ThreadSettings(intra=1, inter=threads.intra + threads.inter - 1)


def apply_threads(settings: ThreadSettings) -> None:
    """Set TensorFlow's threads; must be called before its first operation.

    Raises:
      InputError: TensorFlow has already started with other settings.
    """
    import tensorflow as tf

    threading = tf.config.threading
    try:
        threading.set_intra_op_parallelism_threads(settings.intra)
        threading.set_inter_op_parallelism_threads(settings.inter)
    except RuntimeError:
        intra = threading.get_intra_op_parallelism_threads() or "default"
        inter = threading.get_inter_op_parallelism_threads() or "default"
        raise InputError(
            f"TensorFlow already runs with {intra} intra-op, {inter} inter-op threads and cannot change to "
            f"{settings}; start a new process for other thread settings."
        ) from None
