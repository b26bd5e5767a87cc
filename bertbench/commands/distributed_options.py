"""The options of training on several processes, and the objects that are made from them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import click

from bertbench.commands.options import ThreadOptions
from bertbench.errors import InputError
from bertbench.measure.machine import read_machine
from bertbench.options import Option, Settings
from bertbench.processes.horovod_launcher import is_training_worker, run_workers, show_workers
from bertbench.processes.hosts import WorkerHosts
from bertbench.runtime import quiet_import
from bertbench.training.scaling import LR_SCALINGS

if TYPE_CHECKING:
    from bertbench.measure.threads import ThreadSettings
    from bertbench.training.distributed import HorovodWorkers


@dataclass(frozen=True)
class DistributedOptions(Settings):
    """The processes of a training, their hosts, and how they work together."""

    option_group: ClassVar[str] = "process"

    mpi_num_processes: Annotated[
        int,
        Option("Total number of processes (with Horovod); steps and warm-up are divided by it.", minimum=1),
    ] = 1
    mpi_num_processes_per_socket: Annotated[
        int | None,
        Option(
            "Most processes per socket; without it, they are distributed evenly over the sockets.", minimum=1
        ),
    ] = None
    mpi_hostnames: Annotated[
        str | None,
        Option("Hosts to run on, over SSH; without it, this host.", metavar="HOST[:PROCESSES],..."),
    ] = None
    lr_scaling: Annotated[
        str,
        Option(
            "How the learning rate is scaled with the number of processes.",
            choices=tuple(LR_SCALINGS),
        ),
    ] = "sqrt"
    compression: Annotated[str, Option("Compression of exchanged gradients.", choices=("none", "fp16"))] = (
        "none"
    )
    elastic: Annotated[
        bool,
        Option("Continue without lost workers; only if gradients are averaged.", switch=True),
    ] = False
    dry_run: Annotated[bool, Option("Print the commands without running them.", switch=True)] = False

    @property
    def hosts(self) -> WorkerHosts:
        """The hosts of the processes.

        Raises:
          InputError: hosts and processes contradict each other.
        """
        names = self.mpi_hostnames.split(",") if self.mpi_hostnames else ()
        return WorkerHosts(self.mpi_num_processes, tuple(map(str.strip, names)), self.elastic)

    def require_averaging(self, averages_gradients: bool) -> None:
        """Check that elastic workers train one common model.

        Raises:
          InputError: each worker trains its own model.
        """
        if self.elastic and not averages_gradients:
            raise InputError(
                "--elastic: workers that train independently cannot replace each other; "
                "add --mpi-workers-sync-gradients, or leave --elastic out."
            )


def run_elsewhere(options: DistributedOptions) -> bool:
    """Run the workers, or print their commands; return False if this process trains itself."""
    hosts = options.hosts
    several = hosts.num_processes > 1 or hosts.hosts
    if is_training_worker() or not (several or options.dry_run):
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
    """Connect to the other workers, bind this one to its cores, and start TensorFlow."""
    with quiet_import():
        from bertbench.training.distributed import ElasticHorovodWorkers, HorovodWorkers
    from bertbench.processes.placement import place_worker

    workers = (ElasticHorovodWorkers if options.elastic else HorovodWorkers)(options.compression)
    place = place_worker(
        read_machine(), workers.local_rank, workers.local_size, options.mpi_num_processes_per_socket
    )
    place.bind()
    return workers, threads.start_for_training(place.threads)
