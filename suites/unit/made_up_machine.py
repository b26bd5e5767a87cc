"""Machines for tests, by their numbers of sockets and cores."""

from bertbench.measure.machine import Machine

# Two sockets of four cores with two hardware threads each: N and N + 8 share a core.
TWO_SOCKETS = Machine(
    cpu="test",
    architecture="x86_64",
    isa=(),
    sockets=((0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)),
    physical_cores=8,
    numa_nodes=((0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)),
    usable=tuple(range(16)),
    quota=None,
)


def make_machine(
    sockets: int, cores: int, usable: range | None = None, quota: float | None = None
) -> Machine:
    """A machine with this many sockets and logical cores per socket."""
    places = tuple(tuple(range(socket * cores, (socket + 1) * cores)) for socket in range(sockets))
    return Machine(
        cpu="test",
        architecture="x86_64",
        isa=(),
        sockets=places,
        physical_cores=sockets * cores,
        numa_nodes=places,
        usable=tuple(usable if usable is not None else range(sockets * cores)),
        quota=quota,
    )
