"""Turns arguments into a plan: what will run, where files are written, and on which cores."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bertbench.errors import InputError
from bertbench.measure.machine import Machine
from bertbench.modelzoo.arguments import Arguments
from bertbench.modelzoo.commands import Command, build_command
from bertbench.modelzoo.settings import LaunchSettings
from bertbench.modelzoo.table import LAUNCH_OPTIONS, MODEL_ARGUMENTS
from bertbench.processes.placement import Placement, place_instances, place_single

REQUIRED = ("model_name", "precision", "mode")
DOCKER_OPTIONS = ("docker_image", "docker_strict", "volume", "shm_size", "noinstall")
_INSTALLED = frozenset(("site-packages", "dist-packages"))  # where pip and the system install packages
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
        notices=tuple(_notices(settings, mode, action)),
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
    if several and settings["numa_cores_per_instance"]:
        raise InputError(
            "--mpi_num_processes and --numa-cores-per-instance cannot be combined: the first starts one run "
            "with several processes, the second several runs."
        )
    if several and action != "train":
        raise InputError(
            "--mpi_num_processes is for training; for several instances use --numa-cores-per-instance."
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
    installed = not _INSTALLED.isdisjoint(script_dir.parts)
    if not installed and existing.is_dir() and os.access(existing, os.W_OK):
        return beside
    return Path("bertbench_logs").absolute()


def _plan_instances(
    settings: LaunchSettings, machine: Machine, task: str, action: str, output_dir: Path
) -> tuple[Instance, ...]:
    cores, node = settings["numa_cores_per_instance"], settings["socket_id"]
    model_dir = Path(os.path.expanduser(str(settings["output_dir"] or output_dir))).absolute()
    if cores is None:
        placement = place_single(machine, node=node, cores=settings["num_cores"])
        return (_plan_instance(settings, task, action, model_dir, placement),)
    for folder in {output_dir, model_dir}:
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(f"{folder}: is not empty; several instances need an empty or new folder.")
    placements = place_instances(machine, cores=cores, node=node)
    folders = [model_dir / f"instance_{number}" for number in range(len(placements))]
    pairs = zip(folders, placements, strict=True)
    return tuple(_plan_instance(settings, task, action, folder, place) for folder, place in pairs)


def _plan_instance(
    settings: LaunchSettings, task: str, action: str, output_dir: Path, placement: Placement
) -> Instance:
    """Threads that are not given follow from the cores of the instance."""
    command = build_command(settings, task, action, output_dir)
    threads: list[str] = []
    if placement.threads is not None and settings["num_intra_threads"] is None:
        threads += ["--num-intra-threads", str(placement.threads.intra)]
    if placement.threads is not None and settings["num_inter_threads"] is None:
        threads += ["--num-inter-threads", str(placement.threads.inter)]
    return Instance((*command, *threads), placement, output_dir)


def _notices(settings: LaunchSettings, mode: str, action: str) -> list[str]:
    unused = settings.unused()
    without_effect = {option.shown for option in (*LAUNCH_OPTIONS, *MODEL_ARGUMENTS) if not option.meaning}
    never = [name for name in unused if name in without_effect]
    idle = [name for name in unused if name not in without_effect]
    notices = []
    if never:
        notices.append(f"Accepted without effect: {', '.join(never)}.")
    if idle:
        notices.append(f"Not used in this run: {', '.join(idle)}.")
    if mode == "training" and action == "profile":
        notices.append("profile=True: some training steps are profiled; no model is trained.")
    return notices
