"""One command line of the model zoo, from its words to its exit status."""

import shlex

from bertbench import __version__
from bertbench.console import say
from bertbench.measure.machine import read_machine
from bertbench.modelzoo.arguments import parse
from bertbench.modelzoo.docker import PACKAGE, check_image, docker_command, plan_container, run_container
from bertbench.modelzoo.resolve import resolve
from bertbench.modelzoo.run import run_plan, show_plan
from bertbench.modelzoo.usage import help_text


def run(argv: list[str]) -> int:
    """Run one command line and return its exit status; see `bertbench.errors` for the numbers.

    Raises:
      BertbenchError: the command line is wrong, or what it asks for cannot be done.
    """
    arguments = parse(argv)
    if arguments.wants_help:
        for line in help_text().splitlines():
            say(line)
        return 0
    if arguments.wants_version:
        say(f"launch_benchmark, version {__version__}")
        return 0
    plan = resolve(arguments, read_machine(), PACKAGE)
    image = arguments.launch.get("docker_image")
    if arguments.launch.get("dry_run"):
        show_plan(plan)
        if image:
            say(shlex.join(docker_command(plan_container(arguments, plan))))
        return 0
    if image and check_image(str(image), strict=bool(arguments.launch.get("docker_strict"))):
        return run_container(plan_container(arguments, plan), verbose=bool(arguments.launch.get("verbose")))
    return run_plan(plan)
