"""The `bertbench` command: finds each subcommand in its own module, imported only when it is called."""

import contextlib
import errno
import importlib
import os
import sys

import click

from bertbench import __version__
from bertbench.errors import BertbenchError, InputError

# subcommand, which is a module under bertbench.commands -> its line for --help
COMMANDS = {
    "predict": "Predict with a checkpoint and score the predictions.",
    "answer": "Answer questions from standard input, one a line.",
    "evaluate": "Score a predictions file as the official script does.",
    "compare": "List the answers that differ between two predictions files.",
    "train": "Train a task from a checkpoint or from scratch.",
    "prepare": "Turn plain text into pretraining TFRecords.",
    "benchmark": "Measure throughput as a share of the machine's limit.",
    "gate": "Judge a new result against an old one.",
    "history": "Show stored results over time.",
    "report": "Write one self-contained page about a result.",
    "fetch": "Download data and checkpoints from their official addresses.",
    "doctor": "Say what this machine has and what is missing.",
}

# What a full or failing disk says, where no command has caught it: of standard output, most often.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
_OUT_OF_MEMORY = (
    "memory ran out; take a smaller model, --batch-size or --max-seq-length, "
    "or in training --accum-steps or --recompute."
)


class LazyGroup(click.Group):
    """A click group whose subcommands live in `bertbench.commands.<name>.command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one that is called."""
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"bertbench.commands.{cmd_name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bertbench")
def bertbench() -> None:
    """Is BERT in this precision, on this machine, in this version, still accurate and still fast?

    \b
    Exit status: 0 fine, 1 a failed gate, 2 bad input, 3 could not judge.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a `BertbenchError` becomes one line on standard error and its exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's own log: errors only
    try:
        arguments = sys.argv[1:] if arguments is None else arguments
        _require_values(arguments)
        status = bertbench.main(arguments, prog_name="bertbench", standalone_mode=False, obj=arguments)
    except BertbenchError as error:
        click.echo(f"bertbench: {error}", err=True)
        sys.exit(error.exit_status)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _tell_full(error)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("bertbench: interrupted", err=True)
        sys.exit(130)
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        click.echo(f"bertbench: {_OUT_OF_MEMORY}", err=True)
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def _require_values(arguments: list[str]) -> None:
    """Check that nothing is given without a value, as `--output-dir "$UNSET"` would be.

    Raises:
      InputError: it is; an empty path would mean the current folder, or none at all.
    """
    for before, word in zip(["", *arguments], arguments, strict=False):
        name, equals, value = word.partition("=")
        if not word or (word.startswith("--") and equals and not value):
            option = name or (before if before.startswith("-") else "an argument")
            raise InputError(f"{option}: is empty (is a variable not set?); give a value or leave it out.")


def _tell_full(error: OSError) -> None:
    place = error.filename or "standard output"
    click.echo(f"bertbench: {place}: {error.strerror}; free some space or choose another place.", err=True)
    if error.filename is None:  # what could not be written would fail again when Python ends
        with contextlib.suppress(OSError):
            sys.stdout.close()


def _is_out_of_memory(error: Exception) -> bool:
    tensorflow = sys.modules.get("tensorflow")  # without it, it cannot have been TensorFlow's
    exhausted = MemoryError if tensorflow is None else tensorflow.errors.ResourceExhaustedError
    return isinstance(error, (MemoryError, exhausted))
