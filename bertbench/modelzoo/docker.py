"""Runs in a container: whether the image can be used, and the `docker run` command.

The TensorFlow version of an image is read from its tag, otherwise from its Python.
"""

import importlib.metadata
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench import console
from bertbench.errors import InputError
from bertbench.files import make_directory
from bertbench.modelzoo.arguments import Arguments, to_command_line
from bertbench.modelzoo.resolve import DOCKER_OPTIONS, LaunchPlan

PACKAGE = Path(__file__).resolve().parents[1]
MOUNT = "/opt/bertbench"
OLDEST_TENSORFLOW = (2, 21)
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
PROBE_SECONDS = 600  # including the time to pull the image
# Part of the image, or needed only by the plugin.
_NOT_INSTALLED = ("tensorflow", "pytest", "horovod")


@dataclass(frozen=True)
class Container:
    """The options of `docker run`.

    Attributes:
      arguments: arguments of launch_benchmark, without those about docker.
      readable, writable: host folders to mount under the same path.
      volumes: further mounts as given by the user.
      binds_cores: whether the run binds itself to cores, which needs a capability.
    """

    image: str
    arguments: tuple[str, ...]
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    volumes: tuple[str, ...] = ()
    shm_size: str = "64m"
    installs: bool = True
    binds_cores: bool = False


def plan_container(arguments: Arguments, plan: LaunchPlan) -> Container:
    """The container for the same command line, with the folders that it uses."""
    given = arguments.launch
    read = (given[name] for name in ("data_location", "checkpoint") if name in given)
    words = to_command_line(arguments, without=(*DOCKER_OPTIONS, "dry_run"), output_dir=plan.output_dir)
    return Container(
        image=str(given["docker_image"]),
        arguments=tuple(words),
        readable=tuple(Path(os.path.expanduser(str(folder))).absolute() for folder in read),
        writable=(plan.output_dir, *(instance.output_dir for instance in plan.instances)),
        volumes=tuple(":".join(pair) for pair in given.get("volume", ())),
        shm_size=str(plan.configuration["shm_size"]),
        installs=not given.get("noinstall"),
        binds_cores=any(instance.placement.cores for instance in plan.instances),
    )


def run_container(container: Container, verbose: bool) -> int:
    """Run the container until it ends and pass on its output; the log is written to the mounted folder."""
    command = docker_command(container)
    if verbose:
        console.notice(shlex.join(command))
    for folder in container.writable:
        make_directory(folder)  # docker would create it as root
    return subprocess.run(command, check=False).returncode


def docker_command(container: Container) -> list[str]:
    """The `docker run` command, with this package, the user, the proxies and the folders passed on.

    The current folder is mounted under the same path, so that relative names work in the container.
    """
    here = Path.cwd()
    words = ["docker", "run", "--rm", "--init", "--user", f"{os.getuid()}:{os.getgid()}"]
    words += ["--env", "HOME=/tmp", "--env", f"PYTHONPATH={MOUNT}"]
    for name in (name for proxy in PROXIES for name in (proxy, proxy.upper())):
        if os.environ.get(name):
            words += ["--env", name]  # docker itself reads the value, which may hold a password
    words += ["--volume", f"{PACKAGE}:{MOUNT}/{PACKAGE.name}:ro"]
    for folder in dict.fromkeys((here, *container.writable)):
        words += ["--volume", f"{folder}:{folder}"]
    for folder in dict.fromkeys(container.readable):
        words += ["--volume", f"{folder}:{folder}:ro"]
    for volume in container.volumes:
        words += ["--volume", volume]
    words += [f"--shm-size={container.shm_size}", "--workdir", str(here)]
    if container.binds_cores:
        words += ["--cap-add", "SYS_NICE"]
    launch = ["python", "-m", "bertbench.launch_benchmark"]
    if not container.installs:
        return [*words, container.image, *launch, *container.arguments]
    install = 'python -m pip install --quiet --user $0 && exec "$@"'
    return [
        *words,
        container.image,
        "sh",
        "-c",
        install,
        " ".join(requirements()),
        *launch,
        *container.arguments,
    ]


def requirements() -> list[str]:
    """The requirements of this package except TensorFlow, for pip (without spaces)."""
    project = PACKAGE.parent / "pyproject.toml"
    if project.exists():
        stated = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    else:
        stated = importlib.metadata.requires("bertbench") or []
    wanted = (text.partition(";")[0].replace(" ", "") for text in stated if "extra ==" not in text)
    return [text for text in wanted if not text.startswith(_NOT_INSTALLED)]


def check_image(image: str, strict: bool) -> bool:
    """Whether to run in the image; if not, a warning gives the reason, and the run uses the host.

    Raises:
      InputError: the image cannot be used, and `strict` is set.
    """
    problem = _problem(image)
    if problem is None:
        return True
    if strict:
        raise InputError(f"--docker-image {image}: {problem}; remove --docker-strict to run without it.")
    console.notice(f"Warning: --docker-image {image}: {problem}; running on this machine instead.")
    return False


def _problem(image: str) -> str | None:
    if shutil.which("docker") is None:
        return "docker is not installed"
    server = _output(["docker", "version", "--format", "{{.Server.Version}}"], seconds=30)
    if server is None:
        return "docker does not respond"
    version = tensorflow_of_tag(image) or _ask(image)
    if version is None:
        return "its Python cannot import TensorFlow"
    if version < OLDEST_TENSORFLOW:
        found, needed = (".".join(map(str, number)) for number in (version, OLDEST_TENSORFLOW))
        return f"its TensorFlow is {found}, but {needed} or newer is needed"
    return None


def tensorflow_of_tag(image: str) -> tuple[int, int] | None:
    """TensorFlow's version if the image's tag contains it: `…:2.3.0`, `…:tensorflow-2.2-bf16-nightly`."""
    name, _, tag = image.rpartition("/")[2].partition(":")
    match = re.search(r"(?<![\d.])([12])\.(\d+)(?:\.\d+)?(?![\d])", tag)
    if match is None or "tensorflow" not in f"{name}{tag}":
        return None
    return int(match[1]), int(match[2])


def _ask(image: str) -> tuple[int, int] | None:
    script = "import tensorflow; print(tensorflow.__version__)"
    output = _output(["docker", "run", "--rm", image, "python", "-c", script], seconds=PROBE_SECONDS)
    match = re.match(r"(\d+)\.(\d+)", (output or "").strip().rpartition("\n")[2])
    return (int(match[1]), int(match[2])) if match else None


def _output(command: Sequence[str], seconds: int) -> str | None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout
