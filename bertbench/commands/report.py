"""`bertbench report`: one page about a results folder."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from bertbench.commands.typed_options import TypedCommand
from bertbench.options import Option, Settings


@dataclass(frozen=True)
class ReportOptions(Settings):
    """The options of `bertbench report`."""

    results: Annotated[Path, Option(positional=True, metavar="RESULTS")]
    output: Annotated[
        Path,
        Option(
            "The page; Markdown and JUnit XML are written next to it as .md and .xml.",
            names=("-o", "--output"),
            group="output",
        ),
    ] = Path("report.html")


def report_results(options: ReportOptions) -> None:
    """Write the page, the Markdown and the JUnit XML."""
    from bertbench.console import print_json, say
    from bertbench.errors import InputError
    from bertbench.report.checks import load_results
    from bertbench.report.history import read_history
    from bertbench.report.page import write_report
    from bertbench.results.baselines import STORAGE, list_stored

    results, output = options.results, options.output
    if output.suffix != ".html":
        raise InputError(f"{output}: must end in .html; Markdown and JUnit XML are written next to it.")
    loaded = load_results(results)
    if loaded.throughput is not None and list_stored(STORAGE):
        measured = {case.case for case in loaded.throughput.cases}
        history = [series for series in read_history(STORAGE) if series.case in measured]
        loaded = load_results(results, history)
    shown = shlex.join(["bertbench", "report", str(results), "-o", str(output)])
    write_report(loaded, output, shown)
    pages = {"html": output, "markdown": output.with_suffix(".md"), "junit": output.with_suffix(".xml")}
    for path in pages.values():
        say(str(path))
    print_json({form: str(path) for form, path in pages.items()})


command = TypedCommand(
    "report",
    report_results,
    ReportOptions,
    help="""Write one self-contained page about RESULTS, a folder that the suites wrote.

    The history of its cases comes from baselines/throughput, the verdicts against a base from the
    folder's gate.json (see `bertbench gate --output-dir`).
    """,
)
