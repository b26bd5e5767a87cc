"""Running a suite's script: an error of the user's is one line and an exit status."""

import sys
from collections.abc import Callable

from bertbench.console import notice
from bertbench.errors import BertbenchError


def run_script(main: Callable[[], None]) -> None:
    """Call `main`; a `BertbenchError` becomes its message and its exit status, as `bertbench` ends."""
    try:
        main()
    except BertbenchError as error:
        notice(str(error))
        sys.exit(error.exit_status)
