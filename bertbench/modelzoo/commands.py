"""Translates a run into command lines of `bertbench`."""

from pathlib import Path

from bertbench.modelzoo.settings import Settings

GEOMETRIES = {"bert_large": "bert-large", "bert_base": "bert-base"}
Command = tuple[str, ...]


def build_command(settings: Settings, task: str, action: str, output_dir: Path) -> Command:
    """The `bertbench` command line of one run.

    Args:
      task: SQuAD, Classifier or Pretraining.
      action: benchmark, profile, accuracy or train.
      output_dir: folder for the model's files.
    """
    build = {"accuracy": _predict, "train": _train}.get(action, _benchmark)
    command = (*build(settings, task), *_threads(settings), "--output-dir", str(output_dir))
    if action == "profile":
        command = (*command, "--profile")
    return command


def _benchmark(settings: Settings, task: str) -> Command:
    """Without --data-location and config_file: random weights and tokens, as in the original."""
    command = ("benchmark", task.lower(), "--mode", str(settings["mode"]))
    if settings.given("data_location") is None and settings.given("config_file") is None:
        geometry = GEOMETRIES[str(settings["model_name"])]
        model = (*_arithmetic(settings), "--config", geometry, *_flags(settings, "max_seq_length"))
    else:
        model = (*_model(settings), *_text(settings, task), *_inputs(settings, task))
    return (*command, *model, *_flags(settings, "batch_size", "steps", "warmup_steps"))


def _predict(settings: Settings, task: str) -> Command:
    return (
        *("predict", task.lower()),
        *_model(settings),
        *_text(settings, task),
        *_inputs(settings, task),
        *_flags(settings, "batch_size"),
    )


def _train(settings: Settings, task: str) -> Command:
    names = ["batch_size", "accum_steps", "learning_rate", "do_train", "save_checkpoints_steps"]
    if task == "Pretraining":
        names += ["do_eval", "num_train_steps", "warmup_steps"]
    else:
        names.append("num_train_epochs")
    if task == "Classifier":
        names.append("do_eval")
    if task == "SQuAD" or settings.given("do_predict") is not None:
        names.append("do_predict")
    train_file = ("--train-file", str(settings.path("train_file"))) if task == "SQuAD" else ()
    return (
        *("train", task.lower()),
        *_model(settings),
        *_text(settings, task),
        *train_file,
        *_inputs(settings, task),
        *_flags(settings, *names),
        *_processes(settings, task),
    )


def _model(settings: Settings) -> Command:
    checkpoint = settings.path("init_checkpoint")
    weights = () if checkpoint is None else ("--init-checkpoint", str(checkpoint))
    return (*_arithmetic(settings), "--config-file", str(settings.path("config_file")), *weights)


def _arithmetic(settings: Settings) -> Command:
    gelu = ("--gelu", "fused") if settings["experimental_gelu"] else ()
    return (*_flags(settings, "precision", "optimized_softmax"), *gelu)


def _text(settings: Settings, task: str) -> Command:
    """Options of the tokenization."""
    names = {"SQuAD": ("max_seq_length", "doc_stride"), "Classifier": ("max_seq_length",)}.get(task)
    if names is None:
        return _flags(settings, "max_seq_length", "max_predictions")
    vocabulary = ("--vocab-file", str(settings.path("vocab_file")))
    stated = settings.given("do_lower_case") is not None or not settings["do_lower_case"]
    lower_case = _flags(settings, "do_lower_case") if stated else ()  # bertbench's own default
    return (*vocabulary, *lower_case, *_flags(settings, *names))


def _inputs(settings: Settings, task: str) -> Command:
    match task:
        case "SQuAD":
            return ("--predict-file", str(settings.path("predict_file")))
        case "Classifier":
            return (*_flags(settings, "task_name"), "--data-dir", str(settings.path("data_dir")))
    return ("--input-file", str(settings.path("input_file")))


def _processes(settings: Settings, task: str) -> Command:
    """Options of several processes through Horovod; none for a single process."""
    if settings["mpi_num_processes"] in (None, 1):
        return ()
    names = ["mpi_num_processes", "mpi_num_processes_per_socket", "mpi_hostnames"]
    if task == "SQuAD":
        names.append("mpi_workers_sync_gradients")
    return _flags(settings, *names)


def _threads(settings: Settings) -> Command:
    return _flags(settings, "num_intra_threads", "num_inter_threads")


def _flags(settings: Settings, *names: str) -> Command:
    """The values that are set as `bertbench` options: --name value, or --name and --no-name."""
    words: list[str] = []
    for name in names:
        value = settings[name]
        option = {"max_predictions": "max_predictions_per_seq"}.get(name, name).replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif value is not None:
            words += [f"--{option}", str(value)]
    return tuple(words)
