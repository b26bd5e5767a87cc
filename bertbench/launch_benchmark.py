"""`launch_benchmark.py`: the commands of Intel's model zoo for BERT, as their instructions write them.

Runs as the console script `launch_benchmark` and, from a checkout, as `python launch_benchmark.py` in this
folder. Every option is defined in `bertbench.modelzoo.table`.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__" and not __package__:
    # A script has its own folder on the path, where bertbench is not found and its modules hide others.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import click

from bertbench.errors import BertbenchError
from bertbench.measure.machine import read_machine
from bertbench.modelzoo.arguments import parse
from bertbench.modelzoo.docker import check_image, docker_command, plan_container, run_container
from bertbench.modelzoo.resolve import resolve
from bertbench.modelzoo.run import run_plan, show_plan
from bertbench.modelzoo.usage import help_text


def launch(argv: Sequence[str]) -> int:
    """Run one command line and return its exit status; see `bertbench.errors` for the numbers.

    Raises:
      BertbenchError: the command line is wrong, or what it asks for cannot be done.
    """
    arguments = parse(argv)
    if arguments.wants_help:
        click.echo(help_text(), nl=False)
        return 0
    plan = resolve(arguments, read_machine(), Path(__file__).resolve().parent)
    image = arguments.launch.get("docker_image")
    if arguments.launch.get("dry_run"):
        show_plan(plan)
        if image:
            click.echo(shlex.join(docker_command(plan_container(arguments, plan))))
        return 0
    if image and check_image(str(image), strict=bool(arguments.launch.get("docker_strict"))):
        return run_container(plan_container(arguments, plan), verbose=bool(arguments.launch.get("verbose")))
    return run_plan(plan)


def main() -> None:
    """The entry of the script: errors become one line and their exit status."""
    try:
        sys.exit(launch(sys.argv[1:]))
    except BertbenchError as error:
        click.echo(f"launch_benchmark: {error}", err=True)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
