"""What scripts share: the report of bad input in one line with an exit status, and a table on the screen."""

import sys
from collections.abc import Callable, Sequence

from bertbench.console import notice, say
from bertbench.errors import BertbenchError
from bertbench.tables import make_table, print_table
from suites.tables import markdown as markdown_table


def run_script(main: Callable[[], None]) -> None:
    """Call `main`; a `BertbenchError` prints its message and sets its exit status, as in `bertbench`."""
    try:
        main()
    except BertbenchError as error:
        notice(str(error))
        sys.exit(error.exit_status)


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, markdown: bool) -> None:
    """Print a table, for the terminal or as Markdown for a document."""
    if markdown:
        for line in (f"{title}:", "", *markdown_table(columns, rows).splitlines()):
            say(line)
    else:
        print_table(make_table(title, columns, rows))
