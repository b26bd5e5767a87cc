"""`bertbench init`: a first bertbench.toml."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from bertbench.checkpoint.options import ModelOptions
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import notice, print_json
from bertbench.errors import BertbenchError, InputError
from bertbench.files import write_text
from bertbench.options import Option, Settings
from bertbench.project import FILE, read_project
from bertbench.runtime import import_quietly


@dataclass(frozen=True)
class InitOptions(Settings):
    """The options of `bertbench init`."""

    data: Annotated[
        Path,
        Option(
            "The data for its accuracy: a SQuAD file, the folder of a GLUE task, or TFRecords.", group="data"
        ),
    ]
    model: ModelOptions = field(default_factory=ModelOptions)


NEXT = f"git add {FILE} && git commit -m 'Judge the model' && bertbench check --record-baselines"


def init(options: InitOptions) -> None:
    """Write the file, unless it exists."""
    path = Path(FILE)
    if path.exists():
        raise InputError(f"{path}: already exists; add to it, or remove it first.")
    if options.model.model_dir is None:
        raise InputError("no model given; give its folder with --model-dir.")
    source = options.model.find()
    if not options.data.exists():
        raise InputError(
            f"{options.data}: no such file or folder; give labeled data for the model with --data."
        )
    import_quietly()

    from bertbench.project_draft import detect_task, draft

    fitting = detect_task(source, options.data)
    write_text(path, draft(options.model, source, fitting, Path.cwd()))
    try:
        read_project(path)
    except BertbenchError:
        path.unlink()  # its paths have characters that TOML excludes
        raise
    notice(f"{path}: written. Next: {NEXT}, and commit what it writes.")
    print_json({"file": str(path), "task": fitting.task.name, fitting.task.unit: fitting.num_items})


command = TypedCommand(
    "init",
    init,
    InitOptions,
    help="""Write a bertbench.toml for a model and its data, with comments.

    The task is detected from the checkpoint and the data. `bertbench check` and pytest then run the checks
    that the file asks for.

    \b
    Example:
      bertbench init --model-dir models/faq-bert --data data/dev.json
    """,
)
