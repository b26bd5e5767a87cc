"""The hosts that training workers run on, and how many on each."""

import re
from dataclasses import dataclass

from bertbench.errors import InputError

# What Horovod's launcher takes for a host (horovod/runner/common/util/hosts.py), the number of workers
# being optional here.
_HOST = re.compile(r"([\w.-]+)(?::(\d+))?", re.ASCII)


@dataclass(frozen=True)
class WorkerHosts:
    """How many workers there are in all, and the hosts they run on; none: this one.

    Attributes:
      hosts: NAME or NAME:WORKERS, each.
      elastic: continue when a host, with its workers, is lost. This host alone then counts as two, by two of
        its names, for Horovod gives up a whole host for the loss of a worker.

    Raises:
      InputError: the hosts are malformed, or do not go with the number of workers.
    """

    num_processes: int
    hosts: tuple[str, ...] = ()
    elastic: bool = False

    def __post_init__(self) -> None:
        if self.elastic and (self.num_processes < 2 or len(self.hosts) == 1):
            raise InputError(
                "--elastic: a loss leaves no worker to continue; give two processes, and two hosts if any."
            )
        if self.hosts:
            _check(f"--mpi-hostnames {','.join(self.hosts)}", _parse(self.hosts), self.num_processes)

    @property
    def slots(self) -> dict[str, int]:
        """Workers by host: as stated, else as even as can be, the first hosts taking what is left over."""
        hosts = self.hosts or (("localhost", "127.0.0.1") if self.elastic else ("localhost",))
        share, left = divmod(self.num_processes, len(hosts))
        return {
            name: share + (number < left) if workers is None else workers
            for number, (name, workers) in enumerate(_parse(hosts))
        }


def _parse(hosts: tuple[str, ...]) -> list[tuple[str, int | None]]:
    pairs: list[tuple[str, int | None]] = []
    for host in hosts:
        match = _HOST.fullmatch(host)
        if match is None:
            raise InputError(
                f"--mpi-hostnames: {host!r} is no host; write NAME or NAME:PROCESSES, with commas between "
                "hosts (a user name or a port is for ~/.ssh/config)."
            )
        pairs.append((match[1], int(match[2]) if match[2] else None))
    return pairs


def _check(given: str, hosts: list[tuple[str, int | None]], num_processes: int) -> None:
    names = {name for name, _ in hosts}
    stated = [workers for _, workers in hosts if workers is not None]
    if len(names) < len(hosts):
        raise InputError(f"{given}: name each host once.")
    if 0 in stated:
        raise InputError(f"{given}: a host without processes; leave it out.")
    if stated and len(stated) < len(hosts):
        raise InputError(f"{given}: give the number of processes of every host, or of none.")
    if stated and sum(stated) != num_processes:
        raise InputError(
            f"{given}: {sum(stated)} processes, but --mpi-num-processes is {num_processes}; make them agree."
        )
    if len(hosts) > num_processes:
        raise InputError(
            f"{given}: {len(hosts)} hosts for {num_processes} processes; "
            "give --mpi-num-processes at least one per host."
        )
