"""Runs a script: bad input is reported in one line with an exit status."""

import sys
from collections.abc import Callable

from bertbench.console import notice
from bertbench.errors import BertbenchError


def run_script(main: Callable[[], None]) -> None:
    """Call `main`; a `BertbenchError` prints its message and sets its exit status, as in `bertbench`."""
    try:
        main()
    except BertbenchError as error:
        notice(str(error))
        sys.exit(error.exit_status)
