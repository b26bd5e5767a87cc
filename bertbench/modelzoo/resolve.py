"""Turns arguments into a plan: what will run, where files are written, and on which cores."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench.errors import InputError
from bertbench.measure.machine import Machine
from bertbench.modelzoo.arguments import Arguments
from bertbench.modelzoo.commands import Command, build_command
from bertbench.modelzoo.option import LaunchOption
from bertbench.modelzoo.settings import LaunchSettings
from bertbench.precision import parse_precision, require_trainable
from bertbench.processes.placement import Placement, count_cores, place_instances, place_single

REQUIRED = ("model_name", "precision", "mode")
DOCKER_OPTIONS = ("docker_image", "docker_strict", "volume", "shm_size", "noinstall")
# Folders where pip and the system install packages, and the record that pip writes next to a package.
_INSTALLED = frozenset(("site-packages", "dist-packages"))
_RECORD = "bertbench-*.dist-info"
STREAMS = "--streams"
CORES_PER_STREAM = 4  # as in the model zoo's scripts for weight sharing
# Used to resolve, run or mount, not by a command.
_ALWAYS_USED = (*REQUIRED, "framework", "output_dir", "dry_run", "verbose", *DOCKER_OPTIONS)


@dataclass(frozen=True)
class Instance:
    """One process: its `bertbench` command, its cores, and the folder of its files."""

    command: Command
    placement: Placement
    output_dir: Path


@dataclass(frozen=True)
class LaunchPlan:
    """A resolved run.

    Attributes:
      name: `<model>_<mode>_<precision>`, part of the log's name.
      output_dir: folder of the log; each instance has its own folder for its files.
      instances: one, or several that run at the same time.
      configuration: every value that the run depends on.
      notices: messages for the user before the run starts.
    """

    name: str
    task: str
    action: str
    output_dir: Path
    instances: tuple[Instance, ...]
    configuration: Mapping[str, object]
    notices: tuple[str, ...]


def resolve(arguments: Arguments, machine: Machine, script_dir: Path) -> LaunchPlan:
    """Resolve everything that can be resolved before running.

    Raises:
      InputError: a required option is missing, or options contradict each other or the machine.
    """
    missing = [f"--{name.replace('_', '-')}" for name in REQUIRED if name not in arguments.launch]
    if missing:
        raise InputError(f"missing {' and '.join(missing)}; --help lists all options.")
    mode = str(arguments.launch["mode"])
    settings = LaunchSettings(arguments, mode)
    if mode == "training":
        require_trainable(parse_precision(str(settings["precision"])))
    for name in _ALWAYS_USED:
        settings[name]
    task = str(settings["train_option" if mode == "training" else "infer_option"])
    action = _choose_action(settings, mode)
    _check_processes(settings, action)
    output_dir = _output_dir(arguments, script_dir)
    instances = _plan_instances(settings, machine, task, action, output_dir)
    return LaunchPlan(
        name=f"{settings['model_name']}_{mode}_{settings['precision']}",
        task=task,
        action=action,
        output_dir=output_dir,
        instances=instances,
        configuration=settings.used,
        notices=tuple(_notices(settings, action, instances)),
    )


def _choose_action(settings: LaunchSettings, mode: str) -> str:
    """`profile` comes first; in inference then export, then benchmark, which is also the default."""
    if settings["profile"]:
        return "profile"
    if mode == "training":
        return "train"
    if settings["model_export_path"] is not None:
        return "export"
    if not settings["benchmark_only"] and settings["accuracy_only"]:
        settings["output_results"]
        return "accuracy"
    return "benchmark"


def _check_processes(settings: LaunchSettings, action: str) -> None:
    several = (settings["mpi_num_processes"] or 1) != 1 or settings["mpi_hostnames"]
    runs = settings["numa_cores_per_instance"] or (settings["num_instances"] or 1) > 1
    if several and runs:
        raise InputError(
            "--mpi_num_processes cannot be combined with --numa-cores-per-instance and --num-instances: the "
            "first starts one run with several processes, the others start several runs."
        )
    if several and action != "train":
        raise InputError(
            "--mpi_num_processes is for training only; use --num-instances for several instances."
        )
    if settings["mpi_hostnames"] and settings["mpi_num_processes"] is None:
        raise InputError(
            "--mpi_hostnames needs --mpi_num_processes, the number of processes on all hosts together."
        )


def _output_dir(arguments: Arguments, script_dir: Path) -> Path:
    """The given folder, else the model zoo's folder next to the script, else `bertbench_logs`.

    The last is used if the package is installed, or if the folder next to the script is not writable.
    """
    given = arguments.launch.get("output_dir")
    if given is not None:
        return Path(os.path.expanduser(str(given))).absolute()
    beside = script_dir / "common" / "tensorflow" / "logs"
    existing = next(folder for folder in (beside, *beside.parents) if folder.exists())
    installed = not _INSTALLED.isdisjoint(script_dir.parts) or any(script_dir.parent.glob(_RECORD))
    if not installed and existing.is_dir() and os.access(existing, os.W_OK):
        return beside
    return Path("bertbench_logs").absolute()


def _plan_instances(
    settings: LaunchSettings, machine: Machine, task: str, action: str, output_dir: Path
) -> tuple[Instance, ...]:
    cores, node = settings["numa_cores_per_instance"], settings["socket_id"]
    count, shares = settings["num_instances"], _shares_weights(settings, action)
    model_dir = Path(os.path.expanduser(str(settings["output_dir"] or output_dir))).absolute()
    if cores is None and (shares or count in (None, 1)):
        placement = place_single(machine, node=node, cores=settings["num_cores"])
        streams = _count_streams(machine, placement, count) if shares else 1
        return (_plan_instance(settings, task, action, model_dir, placement, streams),)
    for folder in {output_dir, model_dir}:
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(f"{folder}: is not empty; several instances need an empty or new folder.")
    placements = place_instances(machine, cores=cores, node=node, count=count)
    return tuple(
        _plan_instance(
            *(settings, task, action, model_dir / f"instance_{number}", placement),
            _count_streams(machine, placement) if shares else 1,
        )
        for number, placement in enumerate(placements)
    )


def _shares_weights(settings: LaunchSettings, action: str) -> bool:
    return action == "benchmark" and settings["mode"] == "inference" and bool(settings["weight_sharing"])


def _count_streams(machine: Machine, placement: Placement, given: int | None = None) -> int:
    """The number of threads that share the weights: the given one, or one for each OMP_NUM_THREADS cores.

    Raises:
      InputError: OMP_NUM_THREADS is not a positive whole number.
    """
    if given is not None:
        return given
    each = os.environ.get("OMP_NUM_THREADS") or str(CORES_PER_STREAM)
    if not each.isdecimal() or int(each) < 1:
        raise InputError(f"OMP_NUM_THREADS is {each!r}; give the cores of each thread, or --num-instances.")
    return max(1, count_cores(machine, placement) // int(each))


def _plan_instance(
    settings: LaunchSettings, task: str, action: str, output_dir: Path, placement: Placement, streams: int
) -> Instance:
    """Threads that are not given follow from the cores of the instance."""
    command = build_command(settings, task, action, output_dir)
    if streams > 1:
        command = (*command, STREAMS, str(streams))
    if placement.threads is None:
        return Instance(command, placement, output_dir)
    intra, inter = settings["num_intra_threads"], settings["num_inter_threads"]
    threads = placement.threads.shared_by(streams)
    if action == "accuracy":
        threads = threads.for_data_sets(intra, inter)
    elif action == "train":
        threads = threads.for_training(intra, inter)
    if intra is None:
        command = (*command, "--num-intra-threads", str(threads.intra))
    if inter is None:
        command = (*command, "--num-inter-threads", str(threads.inter))
    return Instance(command, dataclasses.replace(placement, threads=threads), output_dir)


def _notices(settings: LaunchSettings, action: str, instances: Sequence[Instance]) -> list[str]:
    notices = [f"{option.shown} has no effect: {_reason(option)}." for option in settings.unused()]
    if _shares_weights(settings, action) and not any(STREAMS in each.command for each in instances):
        notices.append(
            f"--weight-sharing has no effect: there is one thread for every {CORES_PER_STREAM} cores, or for "
            "every OMP_NUM_THREADS, and so only one here; say how many with --num-instances."
        )
    if settings["mode"] == "training" and action == "profile":
        notices.append("profile=True: some training steps are profiled; no model is trained.")
    return notices


def _reason(option: LaunchOption) -> str:
    """The reason why a given option has no effect."""
    if option.idle:
        return option.idle
    return f"it only applies to {option.scope}" if option.scope else "this run does not use it"
