"""The grid of precision x task x mode, of which every suite runs a part."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from bertbench.tasks.table import TASKS

PRECISIONS = ("fp32", "bf16")
INFERENCE_PRECISIONS = (*PRECISIONS, "int8")
MODES = ("inference", "training")


@dataclass(frozen=True)
class Case:
    """One cell of the grid; its id is also the key of its baselines.

    Attributes:
      variant: what else distinguishes it: the model and the batch; empty for the embedded model.
    """

    precision: str
    task: str
    mode: str
    variant: str = ""

    @property
    def id(self) -> str:
        """A readable name, such as `bf16-squad-inference`."""
        return "-".join(filter(None, (self.precision, self.task, self.mode, self.variant)))

    def __str__(self) -> str:
        return self.id


def make_grid(
    *,
    precisions: Iterable[str] = PRECISIONS,
    tasks: Iterable[str] = TASKS,
    modes: Iterable[str] = MODES,
    variants: Iterable[str] = ("",),
) -> list[Case]:
    """Every case of the given cells, precision changing fastest."""
    cells = itertools.product(variants, modes, tasks, precisions)
    return [Case(precision, task, mode, variant) for variant, mode, task, precision in cells]
