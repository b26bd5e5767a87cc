"""The options of training on several processes, and what they turn into."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from bertbench.commands.options import together
from bertbench.errors import InputError
from bertbench.measure.machine import read_machine
from bertbench.processes.horovod_launcher import WorkerHosts, is_worker, run_workers, show_workers
from bertbench.runtime import quiet_import, start_tensorflow

if TYPE_CHECKING:
    from bertbench.measure.threads import ThreadSettings
    from bertbench.training.distributed import HorovodWorkers

distributed_options = together(
    click.option("--mpi-num-processes", type=click.IntRange(min=1), default=1, show_default=True,
                 help="Processes in all, through Horovod; steps and warm-up are divided by them."),
    click.option("--mpi-num-processes-per-socket", type=click.IntRange(min=1),
                 help="At most so many on a socket; even on all sockets without."),
    click.option("--mpi-hostnames", metavar="HOST,...", help="Run on these, over SSH; else here."),
    click.option("--lr-scaling", type=click.Choice(["sqrt", "linear", "none"]), default="sqrt",
                 show_default=True, help="What the number of processes multiplies the learning rate by."),
    click.option("--compression", type=click.Choice(["none", "fp16"]), default="none", show_default=True,
                 help="How gradients travel."),
    click.option("--elastic", is_flag=True,
                 help="Go on without workers that are lost; only where gradients are averaged."),
    click.option("--dry-run", is_flag=True, help="Print the commands that would run, and stop."),
)  # fmt: skip

sync_gradients_option = click.option(
    "--mpi-workers-sync-gradients/--no-mpi-workers-sync-gradients",
    default=False,
    show_default=True,
    help="Average gradients; else processes train independently and the best model is kept.",
)


@dataclass(frozen=True)
class Distributed:
    """The choice of `distributed_options` and `sync_gradients_option`."""

    hosts: WorkerHosts
    per_socket: int | None
    lr_scaling: str
    compression: str
    elastic: bool
    dry_run: bool
    synchronized: bool


def pop_distributed_options(values: dict[str, Any]) -> Distributed:
    """Take the options out of a command's arguments.

    Raises:
      InputError: they contradict each other.
    """
    names = (values.pop("mpi_hostnames") or "").split(",")
    elastic = values.pop("elastic")
    synchronized = values.pop("mpi_workers_sync_gradients", True)
    if elastic and not synchronized:
        raise InputError(
            "--elastic: workers that train independently have nothing to take over from each other; "
            "add --mpi-workers-sync-gradients, or leave --elastic out."
        )
    hosts = tuple(filter(None, map(str.strip, names)))
    return Distributed(
        WorkerHosts(values.pop("mpi_num_processes"), hosts, elastic),
        values.pop("mpi_num_processes_per_socket"),
        values.pop("lr_scaling"),
        values.pop("compression"),
        elastic,
        values.pop("dry_run"),
        synchronized,
    )


def run_elsewhere(choice: Distributed) -> bool:
    """Start the workers and wait for them, or only say how; False where this process is to train itself."""
    several = choice.hosts.num_processes > 1 or choice.hosts.hosts
    if is_worker() or not (several or choice.dry_run):
        return False
    arguments = [word for word in click.get_current_context().find_root().obj if word != "--dry-run"]
    if choice.dry_run:
        show_workers(choice.hosts, arguments)
    else:
        run_workers(choice.hosts, arguments)
    return True


def start_worker(
    choice: Distributed, num_intra_threads: int | None, num_inter_threads: int | None
) -> tuple["HorovodWorkers", "ThreadSettings"]:
    """Meet the other workers, go to this one's cores, and start TensorFlow there."""
    with quiet_import():
        from bertbench.training.distributed import ElasticHorovodWorkers, HorovodWorkers
    from bertbench.processes.placement import place_worker

    workers = (ElasticHorovodWorkers if choice.elastic else HorovodWorkers)(choice.compression)
    place = place_worker(read_machine(), workers.local_rank, workers.local_size, choice.per_socket)
    place.bind()
    return workers, start_tensorflow(num_intra_threads, num_inter_threads, place.threads)
