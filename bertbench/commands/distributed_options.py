"""The options of training on several processes, and what they turn into."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import click

from bertbench.commands.options import ThreadOptions
from bertbench.errors import InputError
from bertbench.measure.machine import read_machine
from bertbench.options import Option, Settings
from bertbench.processes.horovod_launcher import is_worker, run_workers, show_workers
from bertbench.processes.hosts import WorkerHosts
from bertbench.runtime import quiet_import

if TYPE_CHECKING:
    from bertbench.measure.threads import ThreadSettings
    from bertbench.training.distributed import HorovodWorkers


@dataclass(frozen=True)
class DistributedOptions(Settings):
    """How many processes train, where, and how they work together."""

    option_group: ClassVar[str] = "process"

    mpi_num_processes: Annotated[
        int, Option("Processes in all, through Horovod; steps and warm-up are divided by them.", minimum=1)
    ] = 1
    mpi_num_processes_per_socket: Annotated[
        int | None, Option("At most so many on a socket; even on all sockets without.", minimum=1)
    ] = None
    mpi_hostnames: Annotated[
        str | None, Option("Run there, over SSH; else here.", metavar="HOST[:PROCESSES],...")
    ] = None
    lr_scaling: Annotated[
        str,
        Option(
            "What the number of processes multiplies the learning rate by.",
            choices=("sqrt", "linear", "none"),
        ),
    ] = "sqrt"
    compression: Annotated[str, Option("Send gradients in this form.", choices=("none", "fp16"))] = "none"
    elastic: Annotated[
        bool,
        Option("Go on without workers that are lost; only where gradients are averaged.", switch=True),
    ] = False
    dry_run: Annotated[bool, Option("Print the commands that would run, and stop.", switch=True)] = False

    @property
    def hosts(self) -> WorkerHosts:
        """The processes' places.

        Raises:
          InputError: hosts and processes contradict each other.
        """
        names = self.mpi_hostnames.split(",") if self.mpi_hostnames else ()
        return WorkerHosts(self.mpi_num_processes, tuple(map(str.strip, names)), self.elastic)

    def require_averaging(self, averages_gradients: bool) -> None:
        """Check that elastic workers have a model in common.

        Raises:
          InputError: each trains its own.
        """
        if self.elastic and not averages_gradients:
            raise InputError(
                "--elastic: workers that train independently have nothing to take over from each other; "
                "add --mpi-workers-sync-gradients, or leave --elastic out."
            )


def run_elsewhere(options: DistributedOptions) -> bool:
    """Start the workers and wait for them, or only say how; False where this process is to train itself."""
    hosts = options.hosts
    several = hosts.num_processes > 1 or hosts.hosts
    if is_worker() or not (several or options.dry_run):
        return False
    arguments = [word for word in click.get_current_context().find_root().obj if word != "--dry-run"]
    if options.dry_run:
        show_workers(hosts, arguments)
    else:
        run_workers(hosts, arguments)
    return True


def start_worker(
    options: DistributedOptions, threads: ThreadOptions
) -> tuple["HorovodWorkers", "ThreadSettings"]:
    """Meet the other workers, go to this one's cores, and start TensorFlow there."""
    with quiet_import():
        from bertbench.training.distributed import ElasticHorovodWorkers, HorovodWorkers
    from bertbench.processes.placement import place_worker

    workers = (ElasticHorovodWorkers if options.elastic else HorovodWorkers)(options.compression)
    place = place_worker(
        read_machine(), workers.local_rank, workers.local_size, options.mpi_num_processes_per_socket
    )
    place.bind()
    return workers, threads.start(place.threads)
