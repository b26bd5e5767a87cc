"""`bertbench fetch`: download data and checkpoints."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from bertbench import console
from bertbench.commands.typed_options import TypedCommand
from bertbench.errors import InputError
from bertbench.fetch.catalog import ITEMS, find_item
from bertbench.fetch.item import Item
from bertbench.options import Option, Settings


def default_cache() -> Path:
    """The default folder of downloads: `bertbench` under the user's cache folder (XDG)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "bertbench")


@dataclass(frozen=True)
class FetchOptions(Settings):
    """The options of `bertbench fetch`."""

    names: Annotated[tuple[str, ...], Option(positional=True, metavar="NAME...")] = ()
    show_list: Annotated[
        bool, Option("Show all names with sizes and licenses.", names=("--list",), switch=True, group="data")
    ] = False
    output_dir: Annotated[
        Path | None,
        Option(
            "Folder to fetch into.",
            names=("--output-dir", "--to"),
            envvar="BERTBENCH_CACHE",
            default_help="BERTBENCH_CACHE, else ~/.cache/bertbench",
            group="output",
        ),
    ] = None


def fetch_items(options: FetchOptions) -> None:
    """Download items, or list them."""
    if options.show_list:
        _print_items()
        return
    if not options.names:
        raise InputError("no item given; --list shows all names.")
    items = [find_item(name) for name in options.names]
    from bertbench.fetch.cache import fetch

    cache = Path(os.path.expanduser(options.output_dir or default_cache())).absolute()
    variables: dict[str, Path] = {}
    for item in items:
        folder = fetch(item, cache)
        console.notice(f"{item.name}: {folder} ({item.license})")
        variables[item.variable] = cache / item.variable_folder
    for variable, folder in variables.items():
        console.say(f"export {variable}={shlex.quote(str(folder))}")
    console.print_json({variable: str(folder) for variable, folder in variables.items()})


command = TypedCommand(
    "fetch",
    fetch_items,
    FetchOptions,
    help="""Download data and checkpoints from their official addresses.

    NAME is squad, glue/TASK, wwm-uncased-large, ...: see --list. Existing files are verified.
    Interrupted downloads are resumed. Standard output is only the variables to export:

    \b
        eval "$(bertbench fetch squad glue/MRPC)"
    """,
)


def _print_items() -> None:
    from bertbench.tables import make_table, print_table

    rows = [(item.name, _size(item), item.variable, item.license) for item in ITEMS.values()]
    columns = ("name", "download", "variable", "license")
    print_table(make_table("", columns, rows))
    console.print_json([dict(zip(columns, row, strict=True)) for row in rows])


def _size(item: Item) -> str:
    text = f"{item.about / 1e9:.2f} GB" if item.about >= 10**9 else f"{item.about / 1e6:.2f} MB"
    return text if item.size_is_exact else f"about {text}"
