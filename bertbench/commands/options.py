"""The settings that several commands share."""

from dataclasses import dataclass
from typing import Annotated

from bertbench.measure.machine import read_machine
from bertbench.measure.threads import ThreadSettings, default_threads
from bertbench.options import Option, Settings
from bertbench.runtime import start_tensorflow

REFERENCES = Option("SQuAD file with reference answers.", names=("--data", "--dataset"), group="data")
OUTPUT_DIR = Option("Folder for all output files.", group="output")


@dataclass(frozen=True)
class ThreadOptions(Settings):
    """The numbers of TensorFlow's threads, if the user gives them."""

    num_intra_threads: Annotated[
        int | None, Option("Threads per operation.", minimum=1, default_help="from the machine")
    ] = None
    num_inter_threads: Annotated[
        int | None,
        Option(
            "Operations at once; of a data set also batches, at most two.",
            minimum=1,
            default_help="from the machine",
        ),
    ] = None

    def start(
        self, default: ThreadSettings | None = None, *, trains: bool = True, deterministic: bool = False
    ) -> ThreadSettings:
        """Start TensorFlow with these threads; see `start_tensorflow`."""
        return start_tensorflow(
            self.num_intra_threads,
            self.num_inter_threads,
            default,
            trains=trains,
            deterministic=deterministic,
        )

    def start_for_data_sets(self, *, deterministic: bool = False) -> ThreadSettings:
        """Start TensorFlow to predict whole data sets, two batches at once; or with the user's threads."""
        default = default_threads(read_machine())
        default = default.for_data_sets(self.num_intra_threads, self.num_inter_threads)
        return self.start(default, trains=False, deterministic=deterministic)

    def start_for_training(self, default: ThreadSettings | None = None) -> ThreadSettings:
        """Start TensorFlow to train, two operations at once; or with the user's threads.

        Args:
          default: the threads of one operation at a time, by default the machine's.
        """
        default = default or default_threads(read_machine())
        return self.start(default.for_training(self.num_intra_threads, self.num_inter_threads))
