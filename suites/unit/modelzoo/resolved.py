"""The `bertbench` command that a command line of the model zoo becomes."""

from pathlib import Path

from bertbench.modelzoo.arguments import parse
from bertbench.modelzoo.resolve import resolve
from suites.unit.made_up_machine import TWO_SOCKETS

INFERENCE = "-m bert_large -p bfloat16 -mo inference -d /data -c /weights --output-dir /out"


TRAINING = "-m bert_large -p fp32 -mo training --output-dir /out"


def plan_of(words, script_dir=Path("/nowhere")):
    return resolve(parse(words.split()), TWO_SOCKETS, script_dir)


def command_of(words):
    (instance,) = plan_of(words).instances
    return list(instance.command)


def value(command, option):
    return command[command.index(option) + 1]
