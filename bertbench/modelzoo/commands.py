"""Translates a run into command lines of `bertbench`."""

import os
from pathlib import Path

from bertbench.modelzoo.settings import LaunchSettings
from bertbench.modelzoo.table import MODEL_ARGUMENTS
from bertbench.options import all_options
from bertbench.tasks.table import TASKS

# What the original calls otherwise.
_BERTBENCH_NAMES = {"max_predictions": "max_predictions_per_seq"}
_ARGUMENTS = {_BERTBENCH_NAMES.get(argument.name, argument.name): argument for argument in MODEL_ARGUMENTS}
# What the original's training reads for every task, and for each.
_TRAINING = ("batch_size", "accum_steps", "learning_rate", "do_train", "save_checkpoints_steps")
_TASK_TRAINING = {
    "SQuAD": ("num_train_epochs", "do_predict"),
    "Classifier": ("num_train_epochs", "do_eval"),
    "Pretraining": ("do_eval", "num_train_steps", "warmup_steps"),
}
GEOMETRIES = {"bert_large": "bert-large", "bert_base": "bert-base"}
Command = tuple[str, ...]


def build_command(settings: LaunchSettings, task: str, action: str, output_dir: Path) -> Command:
    """The `bertbench` command line of one run.

    Args:
      task: SQuAD, Classifier or Pretraining.
      action: benchmark, profile, accuracy, train or export.
      output_dir: folder for the model's files.
    """
    build = {"accuracy": _predict, "train": _train, "export": _export}.get(action, _benchmark)
    if action == "export":
        output_dir = Path(os.path.expanduser(str(settings["model_export_path"])))
    command = (*build(settings, task), *_threads(settings), "--output-dir", str(output_dir))
    if action == "profile":
        command = (*command, "--profile")
    return command


def _benchmark(settings: LaunchSettings, task: str) -> Command:
    """Without --data-location and config_file: random weights and tokens, as in the original."""
    command = ("benchmark", task.lower(), "--mode", str(settings["mode"]))
    if settings.given("data_location") is None and settings.given("config_file") is None:
        geometry = GEOMETRIES[str(settings["model_name"])]
        model = (*_arithmetic(settings), "--config", geometry, *_flags(settings, "max_seq_length"))
    else:
        model = (*_model(settings), *_task_options(settings, task, "benchmark"))
    return (*command, *model, *_flags(settings, "batch_size", "steps", "warmup_steps"))


def _predict(settings: LaunchSettings, task: str) -> Command:
    return (
        *("predict", task.lower()),
        *_model(settings),
        *_task_options(settings, task, "predict"),
        *_flags(settings, "batch_size"),
    )


def _export(settings: LaunchSettings, task: str) -> Command:
    names = ("max_seq_length", "task_name") if task == "Classifier" else ("max_seq_length",)
    form = ("--format", "saved-model")
    return ("export", task.lower(), *form, *_model(settings), *_flags(settings, *names))


def _train(settings: LaunchSettings, task: str) -> Command:
    names = dict.fromkeys((*_TRAINING, *_TASK_TRAINING[task]))
    if settings.given("do_predict") is not None:
        names["do_predict"] = None
    return (
        *("train", task.lower()),
        *_model(settings),
        *_task_options(settings, task, "train"),
        *_flags(settings, *names),
        *_processes(settings, task),
    )


def _model(settings: LaunchSettings) -> Command:
    checkpoint = settings.path("init_checkpoint")
    weights = () if checkpoint is None else ("--init-checkpoint", str(checkpoint))
    return (*_arithmetic(settings), "--config-file", str(settings.path("config_file")), *weights)


def _arithmetic(settings: LaunchSettings) -> Command:
    gelu = ("--gelu", "fused") if settings["experimental_gelu"] else ()
    return (*_flags(settings, "precision", "optimized_softmax"), *gelu)


def _task_options(settings: LaunchSettings, task: str, command: str) -> Command:
    """A task's own options, as far as the original has an argument of the same name."""
    kind = TASKS[task.lower()]
    words: list[str] = []
    files: list[str] = []
    if kind.reads_text:
        words += _text(settings)
    for field in all_options(kind.settings_type, command):
        names = [_ARGUMENTS.get(word.removeprefix("--").replace("-", "_")) for word in field.words]
        for argument in filter(None, names):
            if argument.kind == "path":
                files += _file(settings, argument.name, command)
            elif field.group != "process":
                words += _flags(settings, argument.name)
    return (*words, *files)


def _file(settings: LaunchSettings, name: str, command: str) -> Command:
    """A data file as an option; none for a dev set with which a training has nothing to do."""
    unused = command == "train" and not settings["do_predict"] and settings.given(name) is None
    if name == "predict_file" and unused:
        return ()
    place = settings.paths(name) if name == "input_file" else str(settings.path(name))
    return (f"--{name.replace('_', '-')}", place)


def _text(settings: LaunchSettings) -> Command:
    """Options of the tokenization."""
    stated = settings.given("do_lower_case") is not None or not settings["do_lower_case"]
    lower_case = _flags(settings, "do_lower_case") if stated else ()  # bertbench's own default
    return ("--vocab-file", str(settings.path("vocab_file")), *lower_case)


def _processes(settings: LaunchSettings, task: str) -> Command:
    """Options of several processes through Horovod; none for a single process."""
    if settings["mpi_num_processes"] in (None, 1):
        return ()
    names = ("mpi_num_processes", "mpi_num_processes_per_socket", "mpi_hostnames")
    own = [field.name for field in all_options(TASKS[task.lower()].settings_type) if field.group == "process"]
    return _flags(settings, *names, *own)


def _threads(settings: LaunchSettings) -> Command:
    return _flags(settings, "num_intra_threads", "num_inter_threads")


def _flags(settings: LaunchSettings, *names: str) -> Command:
    """The values that are set as `bertbench` options: --name value, or --name and --no-name."""
    words: list[str] = []
    for name in names:
        value = settings[name]
        option = _BERTBENCH_NAMES.get(name, name).replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif value is not None:
            words += [f"--{option}", str(value)]
    return tuple(words)
