"""The hosts that training workers run on, and how many on each."""

import re
from dataclasses import dataclass

from bertbench.errors import InputError

# The form of a host in Horovod's launcher (horovod/runner/common/util/hosts.py), with an optional
# number of workers. A name that begins with "-" would be an option of ssh.
_HOST = re.compile(r"(\w[\w.-]*)(?::(\d{1,6}))?", re.ASCII)


@dataclass(frozen=True)
class WorkerHosts:
    """The number of workers, and the hosts they run on; without hosts: this one.

    Attributes:
      hosts: NAME or NAME:WORKERS, each.
      elastic: continue when a host, with its workers, is lost. A single host then counts as two, with two of
        its names, because Horovod abandons a whole host when a worker is lost.

    Raises:
      InputError: the hosts are malformed, or contradict the number of workers.
    """

    num_processes: int
    hosts: tuple[str, ...] = ()
    elastic: bool = False

    def __post_init__(self) -> None:
        if self.elastic and (self.num_processes < 2 or len(self.hosts) == 1):
            raise InputError(
                "--elastic: no worker would remain after a loss; "
                "give at least two processes, and at least two hosts if any."
            )
        if self.hosts:
            _check(f"--mpi-hostnames {','.join(self.hosts)}", _parse(self.hosts), self.num_processes)

    @property
    def slots(self) -> dict[str, int]:
        """Workers by host: as given, else distributed evenly, with the remainder on the first hosts."""
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
                f"--mpi-hostnames: {host!r} is not a valid host; write NAME or NAME:PROCESSES, separated by "
                "commas (set a user name or a port in ~/.ssh/config)."
            )
        pairs.append((match[1], int(match[2]) if match[2] else None))
    return pairs


def _check(given: str, hosts: list[tuple[str, int | None]], num_processes: int) -> None:
    names = {name.lower() for name, _ in hosts}
    stated = [workers for _, workers in hosts if workers is not None]
    if len(names) < len(hosts):
        raise InputError(f"{given}: name each host once.")
    if 0 in stated:
        raise InputError(f"{given}: a host without processes; leave it out.")
    if stated and len(stated) < len(hosts):
        raise InputError(f"{given}: give the number of processes for every host, or for none.")
    if stated and sum(stated) != num_processes:
        raise InputError(
            f"{given}: {sum(stated)} processes, but --mpi-num-processes is {num_processes}; make them agree."
        )
    if len(hosts) > num_processes:
        raise InputError(
            f"{given}: {len(hosts)} hosts for {num_processes} processes; "
            "give --mpi-num-processes at least one per host."
        )
