"""`launch_benchmark.py`: the commands of Intel's model zoo for BERT, as their instructions write them.

Runs as the console script `launch_benchmark` and, from a checkout, as `python launch_benchmark.py` in this
folder. Every option is defined in `bertbench.modelzoo.table`.
"""

import os
import sys

if __name__ == "__main__" and not __package__:
    # A script has its own folder on the path, where bertbench is not found and its modules hide others.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from bertbench.entry import run_program


def main(arguments: list[str] | None = None) -> None:
    """Run a command line, this process's own if None, and exit; see `bertbench.entry`."""
    run_program("launch_benchmark", "bertbench.modelzoo.launch", arguments)


if __name__ == "__main__":
    main()
