"""The `bertbench` command: finds each subcommand in its own module, imported only when it is called."""

import importlib

import click

from bertbench import __version__
from bertbench.console import notice
from bertbench.errors import InputError

# subcommand, which is a module under bertbench.commands (with _ for -) -> its line in --help
COMMANDS = {
    "init": "Write a bertbench.toml for a model and its data.",
    "check": "Judge the models of a bertbench.toml.",
    "predict": "Predict with a checkpoint and score the predictions.",
    "extract-features": "Write the hidden states of texts, or one vector per text.",
    "answer": "Answer questions from standard input, one per line.",
    "evaluate": "Score a predictions file as the official script does.",
    "compare": "List the answers that differ between two predictions files.",
    "train": "Train a task from a checkpoint or from scratch.",
    "export": "Write a model as a SavedModel or as ONNX.",
    "quantize": "Find the int8 scales of a trained model.",
    "prepare": "Turn plain text into pretraining TFRecords.",
    "mlperf": "Run SQuAD in a scenario of MLPerf Inference.",
    "benchmark": "Measure throughput as a share of the machine's limit.",
    "gate": "Judge a new result against an old one.",
    "history": "Show stored results over time.",
    "report": "Write one self-contained page about a result.",
    "fetch": "Download data and checkpoints from their official addresses.",
    "doctor": "Report what this machine has and what is missing.",
}


class LazyGroup(click.Group):
    """A click group whose subcommands are named `command` in modules of `bertbench.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the called subcommand."""
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"bertbench.commands.{cmd_name.replace('-', '_')}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bertbench")
def bertbench() -> None:
    """Is BERT in this precision, on this machine, in this version, still accurate and still fast?

    \b
    Exit status: 0 fine, 1 a failed gate, 2 bad input, 3 could not judge,
    70 an error in bertbench itself, 128 + the number of a signal that stopped it (130: Ctrl-C).
    """


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status.

    Raises:
      BertbenchError, OSError, KeyboardInterrupt: see `bertbench.entry`.
    """
    _require_values(arguments)
    try:
        status = bertbench.main(arguments, prog_name="bertbench", standalone_mode=False, obj=arguments)
    except click.ClickException as error:
        _show(error)
        return InputError.exit_status
    except click.Abort as error:  # as click reports them itself
        raise error.__cause__ or KeyboardInterrupt from None
    return status if isinstance(status, int) else 0


def _require_values(arguments: list[str]) -> None:
    """Check that no value is empty, as with `--output-dir "$UNSET"`.

    Raises:
      InputError: one is; an empty path would mean the current folder.
    """
    for before, word in zip(["", *arguments], arguments, strict=False):
        name, equals, value = word.partition("=")
        if not word or (word.startswith("--") and equals and not value):
            option = name or (before if before.startswith("-") else "an argument")
            raise InputError(f"{option}: is empty (is a variable not set?); give a value or leave it out.")


def _show(error: click.ClickException) -> None:
    """Show the error as click does, with control characters escaped."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        for line in (*context.get_usage().splitlines(), f"Try '{context.command_path} --help' for help.", ""):
            notice(line)
    notice(f"Error: {error.format_message()}")
