"""`bertbench fetch`: download data and checkpoints."""

import os
import shlex
from pathlib import Path

import click

from bertbench import console
from bertbench.fetch.catalog import ITEMS, Item, find_item


def default_cache() -> Path:
    """Where downloads go unless told otherwise: `bertbench` under the user's cache folder (XDG)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bertbench"


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--list", "show_list", is_flag=True, help="Show all names with sizes and licenses.")
@click.option(
    "--to",
    "cache",
    envvar="BERTBENCH_CACHE",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to fetch into.  [default: BERTBENCH_CACHE, else ~/.cache/bertbench]",
)
def command(names: tuple[str, ...], show_list: bool, cache: Path | None) -> None:
    """Download data and checkpoints from their official addresses.

    NAME is squad, glue/TASK, wwm-uncased-large, ...: see --list. What is already there is verified.
    Interrupted downloads go on where they stopped. Standard output is only the variables to export:

    \b
        eval "$(bertbench fetch squad glue/MRPC)"
    """
    if show_list:
        _print_items()
        return
    if not names:
        raise click.UsageError("say what to fetch; --list shows all names.")
    items = [find_item(name) for name in names]
    from bertbench.fetch.cache import fetch

    cache = (cache or default_cache()).expanduser().absolute()
    variables: dict[str, Path] = {}
    for item in items:
        folder = fetch(item, cache)
        console.notice(f"{item.name}: {folder} ({item.license})")
        variables[item.variable] = cache / item.variable_folder
    for variable, folder in variables.items():
        console.say(f"export {variable}={shlex.quote(str(folder))}")


def _print_items() -> None:
    rows = [(item.name, _size(item), item.variable, item.license) for item in ITEMS.values()]
    console.print_table(console.make_table("", ("name", "download", "variable", "license"), rows))


def _size(item: Item) -> str:
    text = f"{item.about / 1e9:.2f} GB" if item.about >= 10**9 else f"{item.about / 1e6:.2f} MB"
    return text if item.size_is_exact else f"about {text}"
